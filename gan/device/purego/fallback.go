package purego

import (
	"github.com/gomlx/compute"
)

// alone returns a routine that has GoMLX's backend compute a node, or the results of one, as a graph of its own.
func alone(nodes []*node) func(m *machine) error {
	n := nodes[0]
	var exec compute.Executable
	var given []compute.Buffer // copies of inputs that are not parameters
	var flats []*Buffer
	return func(m *machine) error {
		if exec == nil {
			var err error
			if exec, err = n.alone(m.backend); err != nil {
				return err
			}
			given, flats = make([]compute.Buffer, len(n.inputs)), make([]*Buffer, len(n.inputs))
		}
		for i, in := range n.inputs {
			if given[i] = m.inner[in.slot]; given[i] != nil && n.views[i].shape.Equal(in.shape) {
				continue
			}
			if flats[i] == nil {
				b, err := m.backend.newBuffer(n.views[i].shape)
				if err != nil {
					return err
				}
				flats[i] = b
			}
			copy(flats[i].bytes, m.bytes(in))
			given[i] = flats[i].inner
		}
		made, err := exec.Execute(given, nil, 0)
		if err != nil {
			return err
		}
		for _, result := range nodes {
			shape, err := made[result.place].Shape()
			if err != nil {
				return err
			}
			b, err := m.backend.adopt(made[result.place], shape)
			if err != nil {
				return err
			}
			copy(m.bytes(result), b.bytes)
		}
		return nil
	}
}

// alone is the node as a graph of its own, its inputs the parameters.
func (n *node) alone(b *Backend) (compute.Executable, error) {
	builder := b.Backend.Builder(n.op.String())
	f := builder.Main()
	in := make([]compute.Value, len(n.views))
	for i, x := range n.views {
		v, err := f.Parameter(string(rune('a'+i)), x.shape, nil)
		if err != nil {
			return nil, err
		}
		in[i] = v
	}
	out, err := n.again(f, in)
	if err != nil {
		return nil, err
	}
	if err := f.Return(out, nil); err != nil {
		return nil, err
	}
	return builder.Compile()
}
