package purego

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// program is a compiled graph. It implements compute.Executable.
type program struct {
	backend    *Backend
	parameters []*node
	names      []string
	outputs    []*node // as returned
	results    []*node // the nodes that hold the outputs' numbers
	first      []step  // what depends on no parameter, run once
	steps      []step
	slots      []int // bytes of each slot of memory

	busy   sync.Mutex // one run at a time: the memory is one
	memory [][]byte   // by slot
	begun  bool
	spare  *spares // nil once the program is finalized
}

// step is a part of a program.
type step struct {
	name          string
	reads, writes []*node
	run           func(m *machine) error
}

// machine is a run of a program.
type machine struct {
	*crew
	backend *Backend
	memory  [][]byte
	inner   []compute.Buffer // by slot: buffers of the parameters, as GoMLX's backend sees them
}

func (m *machine) bytes(n *node) []byte     { return m.memory[n.slot] }
func (m *machine) floats(n *node) []float32 { return floats(m.memory[n.slot])[:n.size] }

// Compile returns the program for the graph.
func (b *builder) Compile() (compute.Executable, error) {
	inner, err := b.Builder.Compile()
	if err != nil {
		return nil, err
	}
	if b.main.opaque {
		return &guest{Executable: inner, backend: b.backend}, nil
	}
	names, _ := inner.Inputs()
	inner.Finalize()
	p := &program{backend: b.backend, parameters: b.main.parameters, names: names, outputs: b.main.outputs,
		spare: newSpares(b.main.outputs)}
	if err := p.compile(b.main.nodes); err != nil {
		return nil, err
	}
	return p, nil
}

// compile turns the nodes into steps and lays out their memory.
func (p *program) compile(nodes []*node) error {
	live := simplify(nodes, p.outputs)
	for _, n := range p.outputs {
		p.results = append(p.results, n.root())
	}
	units, err := group(live)
	if err != nil {
		return err
	}
	for _, u := range units {
		if u.static {
			p.first = append(p.first, u.step())
		} else {
			p.steps = append(p.steps, u.step())
		}
	}
	p.layOut(live)
	return nil
}

// Finalize lets go of the program's memory.
func (p *program) Finalize() {
	p.busy.Lock()
	defer p.busy.Unlock()
	p.memory, p.spare = nil, nil
}

// Inputs returns the names and shapes of the parameters.
func (p *program) Inputs() ([]string, []shapes.Shape) { return p.names, shapesOf(p.parameters) }

// Outputs returns the shapes of the outputs.
func (p *program) Outputs() []shapes.Shape { return shapesOf(p.outputs) }

func shapesOf(nodes []*node) []shapes.Shape {
	all := make([]shapes.Shape, len(nodes))
	for i, n := range nodes {
		all[i] = n.shape
	}
	return all
}

// Execute runs the program.
func (p *program) Execute(inputs []compute.Buffer, donate []bool, _ compute.DeviceNum) ([]compute.Buffer, error) {
	if len(inputs) != len(p.parameters) {
		return nil, fmt.Errorf("the program has %d parameters, not %d", len(p.parameters), len(inputs))
	}
	p.busy.Lock()
	defer p.busy.Unlock()
	if p.spare == nil {
		return nil, errFinalized
	}
	if !p.begun {
		p.memory = make([][]byte, len(p.slots))
		for slot, size := range p.slots {
			if size > 0 {
				p.memory[slot] = aligned(size)
			}
		}
	}
	m := &machine{crew: p.backend.crew, backend: p.backend, memory: p.memory, inner: make([]compute.Buffer, len(p.slots))}
	given := make([]*Buffer, len(inputs))
	for i, in := range inputs {
		buffer, ok := in.(*Buffer)
		if !ok || buffer.flat == nil {
			return nil, fmt.Errorf("parameter %d is no buffer of this backend, or a finalized one", i)
		}
		if n := p.parameters[i]; buffer.shape.DType != n.shape.DType || !slices.Equal(buffer.shape.Dimensions, n.shape.Dimensions) {
			return nil, fmt.Errorf("parameter %q is %s, not %s", p.names[i], n.shape, buffer.shape)
		}
		given[i] = buffer
		m.memory[p.parameters[i].slot], m.inner[p.parameters[i].slot] = buffer.bytes, buffer.inner
	}
	made := map[*node]*Buffer{}
	for _, r := range p.results {
		if made[r] == nil && r.op != compute.OpTypeParameter && !r.constant && !r.static() {
			buffer, err := p.take(r.shape)
			if err != nil {
				return nil, err
			}
			made[r], m.memory[r.slot] = buffer, buffer.bytes
		}
	}
	steps := p.steps
	if !p.begun {
		steps = append(slices.Clone(p.first), steps...)
	}
	for _, s := range steps {
		if err := s.run(m); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	p.begun = true

	out := make([]compute.Buffer, len(p.outputs))
	for i, r := range p.results {
		buffer := made[r]
		if buffer == nil { // a parameter or a constant, or returned twice
			var err error
			if buffer, err = p.take(p.outputs[i].shape); err != nil {
				return nil, err
			}
			copy(buffer.bytes, m.memory[r.slot])
		}
		delete(made, r)
		buffer.shape = p.outputs[i].shape
		out[i] = buffer
	}
	for i, give := range donate {
		if give {
			p.spare.give(given[i])
		}
	}
	return out, nil
}

// take returns a buffer for an output: a spare one where there is one.
func (p *program) take(shape shapes.Shape) (*Buffer, error) {
	if b := p.spare.take(shape); b != nil {
		return b, nil
	}
	return p.backend.newBuffer(shape)
}

// guest is a graph that GoMLX's backend runs.
type guest struct {
	compute.Executable
	backend *Backend
}

// Execute runs the graph.
func (g *guest) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	inner := make([]compute.Buffer, len(inputs))
	for i, in := range inputs {
		b, ok := in.(*Buffer)
		if !ok || b.inner == nil {
			return nil, fmt.Errorf("parameter %d is no buffer of this backend, or a finalized one", i)
		}
		inner[i] = b.inner
	}
	made, err := g.Executable.Execute(inner, donate, device)
	if err != nil {
		return nil, err
	}
	for i, give := range donate {
		if give {
			_ = inputs[i].Finalize()
		}
	}
	out := make([]compute.Buffer, len(made))
	for i, b := range made {
		shape, err := b.Shape()
		if err != nil {
			return nil, err
		}
		if out[i], err = g.backend.adopt(b, shape); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// isFloat says whether n holds float32 numbers.
func isFloat(n *node) bool { return n.shape.DType == dtypes.Float32 }

func isBool(n *node) bool { return n.shape.DType == dtypes.Bool }
