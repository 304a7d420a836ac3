package purego

import (
	"math"

	"github.com/gomlx/compute"
)

// reduction returns a routine for the sum, the largest or the smallest over some axes.
//
// Axes that follow each other and are all kept or all reduced are one. Then rows of the last axis are either reduced to a
// number each or joined to a row of the result. Where the first axis is reduced it is cut into pieces that do not depend
// on the number of cores, each with a result of its own, and these are joined in order.
func reduction(n *node) func(m *machine) error {
	in, x := n.inputs[0], n.views[0]
	axes := n.data.([]int)
	reduced := make([]bool, x.shape.Rank())
	for _, axis := range axes {
		reduced[axis] = true
	}
	if len(axes) == 0 {
		for axis := range reduced {
			reduced[axis] = true
		}
	}
	var dims []int
	var gone []bool
	for axis, dim := range x.shape.Dimensions {
		if dim == 1 {
			continue
		}
		if last := len(dims) - 1; last >= 0 && gone[last] == reduced[axis] {
			dims[last] *= dim
			continue
		}
		dims, gone = append(dims, dim), append(gone, reduced[axis])
	}
	strides, stride := make([]int, len(dims)), 1 // in the result
	for axis := len(dims) - 1; axis >= 0; axis-- {
		if !gone[axis] {
			strides[axis] = stride
			stride *= dims[axis]
		}
	}
	join, begin := joined(n.op)
	if len(dims) == 1 && gone[0] { // all of it: as rows, so that it can be cut
		const row = 4096
		if dims[0]%row == 0 && dims[0] > row {
			dims, gone, strides = []int{dims[0] / row, row}, []bool{true, true}, []int{0, 0}
		}
	}
	last := len(dims) - 1
	inner := dims[last]
	outer := dims[:last]
	perFirst := 1 // rows for each index of the first axis
	if last > 0 {
		perFirst = sizeOf(outer[1:])
	}
	first := 1
	if last > 0 {
		first = outer[0]
	}
	work := func(to, from []float32, begin, end int) { // indices of the first axis
		var room [16]int
		index := append(room[:0], outer...)
		clear(index)
		at := 0
		if last > 0 {
			index[0], at = begin, begin*strides[0]
		}
		for row := begin * perFirst; row < end*perFirst; row++ {
			x := from[row*inner:][:inner]
			if gone[last] {
				to[at] = join.two(to[at], join.all(x))
			} else {
				join.rows(to[at:][:inner], to[at:][:inner], x)
			}
			for axis := last - 1; axis >= 0; axis-- {
				at += strides[axis]
				if index[axis]++; index[axis] < outer[axis] {
					break
				}
				at -= outer[axis] * strides[axis]
				index[axis] = 0
			}
		}
	}
	if last == 0 || !gone[0] { // each task has numbers of the result to itself
		return func(m *machine) error {
			to, from := m.floats(n), m.floats(in)
			fill(to, begin)
			tasks := pieces(first, 1+(1<<14)/(perFirst*inner), 4*m.size)
			m.each(tasks, in.size/8, func(task int) { work(to, from, first*task/tasks, first*(task+1)/tasks) })
			return nil
		}
	}
	parts := pieces(first, 1+(1<<14)/(perFirst*inner), 16)
	if parts*n.size > in.size {
		parts = 1
	}
	partial := make([]float32, parts*n.size)
	return func(m *machine) error {
		to, from := m.floats(n), m.floats(in)
		m.each(parts, in.size/8, func(part int) {
			mine := partial[part*n.size:][:n.size]
			fill(mine, begin)
			work(mine, from, first*part/parts, first*(part+1)/parts)
		})
		copy(to, partial)
		for part := 1; part < parts; part++ {
			join.rows(to, to, partial[part*n.size:][:n.size])
		}
		return nil
	}
}

// joining is how numbers are reduced.
type joining struct {
	two  func(x, y float32) float32
	all  func(x []float32) float32
	rows func(to, x, y []float32)
}

func joined(op compute.OpType) (joining, float32) {
	switch op {
	case compute.OpTypeReduceSum:
		return joining{func(x, y float32) float32 { return x + y }, sum, add}, 0
	case compute.OpTypeReduceMax:
		return joining{func(x, y float32) float32 { return max(x, y) }, largest, larger}, float32(math.Inf(-1))
	default:
		return joining{func(x, y float32) float32 { return min(x, y) }, smallest, smaller}, float32(math.Inf(1))
	}
}

func largest(x []float32) float32 {
	y := x[0]
	for _, v := range x {
		y = max(y, v)
	}
	return y
}

func smallest(x []float32) float32 {
	y := x[0]
	for _, v := range x {
		y = min(y, v)
	}
	return y
}
