package purego

import (
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// single returns the step for nodes that are no loop: one node, or the results of one.
func single(nodes []*node) step {
	n := nodes[0]
	s := step{name: n.op.String() + " " + n.shape.String(), writes: nodes}
	for _, in := range n.inputs {
		s.reads = append(s.reads, in.source())
	}
	width := n.shape.DType.Size()
	moves := n.maker == nil && n.size > 0 && (width == 4 || width == 1) && !n.shape.DType.IsPacked()
	switch n.op {
	case compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeTranspose, compute.OpTypeReverse:
		if moves && n.shape.Rank() <= 8 {
			v := viewOf(n).simple()
			s.reads = []*node{v.of}
			s.run = func(m *machine) error {
				m.copyView(m.bytes(n), m.bytes(v.of), v, n.size, width)
				return nil
			}
			return s
		}
	case compute.OpTypeConcatenate:
		if moves {
			s.run = concatenate(n, width)
			return s
		}
	case compute.OpTypePad:
		if run := pad(n, width); moves && run != nil {
			s.run = run
			return s
		}
	case compute.OpTypeGather:
		if run := gatherRows(n); run != nil {
			s.run = run
			return s
		}
	case compute.OpTypeReduceSum, compute.OpTypeReduceMax, compute.OpTypeReduceMin:
		if isFloat(n) && n.size > 0 && n.inputs[0].size > 0 {
			s.run = reduction(n)
			return s
		}
	case compute.OpTypeDotGeneral:
		if run := dot(n); run != nil {
			s.run = run
			return s
		}
	case compute.OpTypeConvGeneral:
		if run := convolve(n); run != nil {
			s.run = run
			return s
		}
	}
	s.run = alone(nodes)
	return s
}

// words sees memory as 32-bit words.
func words(memory []byte) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(memory))), len(memory)/4)
}

// copyView writes a view's numbers in order.
func (m *machine) copyView(to, from []byte, v view, size, width int) {
	const least = 1 << 14
	tasks := pieces(size, least, 4*m.size)
	m.each(tasks, size, func(task int) {
		begin, end := size*task/tasks, size*(task+1)/tasks
		if width == 4 {
			gather(words(to)[begin:end], words(from), v, begin)
		} else {
			gather(to[begin:end], from, v, begin)
		}
	})
}

func concatenate(n *node, width int) func(m *machine) error {
	axis := n.data.(int)
	dims := n.shape.Dimensions
	rows, inner := sizeOf(dims[:axis]), width*sizeOf(dims[axis+1:])
	var begins, lengths []int
	begin := 0
	for _, in := range n.views {
		length := in.shape.Dimensions[axis] * inner
		begins, lengths = append(begins, begin), append(lengths, length)
		begin += length
	}
	stride := begin
	return func(m *machine) error {
		to := m.bytes(n)
		tasks := pieces(rows, 1+1<<16/max(1, stride), 4*m.size)
		m.each(tasks, rows*stride/8, func(task int) {
			for i, in := range n.inputs {
				from, length := m.bytes(in), lengths[i]
				for row := rows * task / tasks; row < rows*(task+1)/tasks; row++ {
					copy(to[row*stride+begins[i]:][:length], from[row*length:])
				}
			}
		})
		return nil
	}
}

// pad returns a routine for paddings that are not negative.
func pad(n *node, width int) func(m *machine) error {
	in := n.inputs[0]
	from := n.views[0].shape.Dimensions
	strides := stridesOf(n.shape.Dimensions)
	begin := 0
	for axis, p := range n.data.([]compute.PadAxis) {
		if p.Start < 0 || p.End < 0 {
			return nil
		}
		begin += p.Start * strides[axis]
		strides[axis] *= 1 + p.Interior
	}
	v := view{begin: begin, dims: from, strides: strides}.simple()
	if len(v.dims) > 8 {
		return nil
	}
	last := len(v.dims) - 1
	rows, inner := sizeOf(v.dims[:last]), v.dims[last]
	return func(m *machine) error {
		to := m.bytes(n)[:n.size*width]
		fillWith(m, to, m.bytes(n.inputs[1])[:width])
		if in.size == 0 {
			return nil
		}
		tasks := pieces(rows, 1+1<<14/inner, 4*m.size)
		m.each(tasks, in.size, func(task int) {
			for row := rows * task / tasks; row < rows*(task+1)/tasks; row++ {
				at := v.begin
				for axis, rest := last-1, row; axis >= 0; axis-- {
					at += rest % v.dims[axis] * v.strides[axis]
					rest /= v.dims[axis]
				}
				switch stride := v.strides[last]; {
				case stride == 1 || inner == 1:
					copy(to[at*width:][:inner*width], m.bytes(in)[row*inner*width:])
				case width == 4:
					to, from := words(to)[at:], words(m.bytes(in))[row*inner:][:inner]
					for i, x := range from {
						to[i*stride] = x
					}
				default:
					for i, x := range m.bytes(in)[row*inner:][:inner] {
						to[at+i*stride] = x
					}
				}
			}
		})
		return nil
	}
}

func fillWith(m *machine, to, x []byte) {
	zero := true
	for _, b := range x {
		zero = zero && b == 0
	}
	tasks := pieces(len(to), 1<<16, 4*m.size)
	m.each(tasks, len(to)/16, func(task int) {
		part := to[len(to)/len(x)*task/tasks*len(x) : len(to)/len(x)*(task+1)/tasks*len(x)]
		if zero {
			clear(part)
			return
		}
		for i := copy(part, x); i < len(part); i *= 2 {
			copy(part[i:], part[:i])
		}
	})
}

// gatherRows returns a routine for the gathering of whole rows by one index each, as of images of a data set.
func gatherRows(n *node) func(m *machine) error {
	g := n.data.(gathering)
	operand, starts := n.views[0], n.views[1]
	if n.shape.DType.IsPacked() || starts.shape.DType != dtypes.Int32 || starts.shape.Rank() == 0 ||
		g.vectorAxis != starts.shape.Rank()-1 || starts.shape.Dimensions[g.vectorAxis] != 1 ||
		len(g.startMap) != 1 || g.startMap[0] != 0 || len(g.collapsed) != 1 || g.collapsed[0] != 0 {
		return nil
	}
	for axis, size := range g.sizes {
		if axis > 0 && size != operand.shape.Dimensions[axis] {
			return nil
		}
	}
	batch := starts.shape.Rank() - 1
	for i, axis := range g.offsetAxes {
		if axis != batch+i {
			return nil
		}
	}
	rows := operand.shape.Dimensions[0]
	row := sizeOf(operand.shape.Dimensions[1:]) * operand.shape.DType.Size()
	if rows == 0 {
		return nil
	}
	in, at := n.inputs[0], n.inputs[1]
	return func(m *machine) error {
		indices := words(m.bytes(at))[:at.size]
		from, to := m.bytes(in), m.bytes(n)
		for i, index := range indices {
			clamped := min(max(int(int32(index)), 0), rows-1)
			copy(to[i*row:][:row], from[clamped*row:])
		}
		return nil
	}
}
