package purego

import (
	"slices"

	"github.com/gomlx/compute"
)

// view says where the numbers of a node lie in the memory of another: that of index (i, j, …) at begin + i·strides[0] +
// j·strides[1] + …. A stride of 0 repeats a number.
type view struct {
	of      *node // a root
	begin   int
	dims    []int
	strides []int
}

// whole is the view of all of n, in its own shape.
func whole(n *node) view {
	return view{of: n.root(), dims: n.shape.Dimensions, strides: stridesOf(n.shape.Dimensions)}
}

func stridesOf(dims []int) []int {
	strides := make([]int, len(dims))
	stride := 1
	for axis := len(dims) - 1; axis >= 0; axis-- {
		strides[axis] = stride
		stride *= dims[axis]
	}
	return strides
}

// rearranges says whether an operation puts numbers of its input elsewhere, each where a view can say it.
func rearranges(op compute.OpType) bool {
	switch op {
	case compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeTranspose, compute.OpTypeReverse:
		return true
	}
	return false
}

// viewOf is the view of a node that rearranges, through as many of them as follow each other.
func viewOf(n *node) view {
	if n.same == nil && rearranges(n.op) {
		return rearranged(n, viewOf(n.views[0]))
	}
	return whole(n)
}

func rearranged(n *node, x view) view {
	dims := n.shape.Dimensions
	v := view{of: x.of, begin: x.begin, dims: dims, strides: make([]int, len(dims))}
	switch data := n.data.(type) {
	case []int:
		switch n.op {
		case compute.OpTypeBroadcastInDim:
			for i, axis := range data {
				if x.dims[i] > 1 {
					v.strides[axis] = x.strides[i]
				}
			}
		case compute.OpTypeTranspose:
			for i, axis := range data {
				v.strides[i] = x.strides[axis]
			}
		case compute.OpTypeReverse:
			v.strides = slices.Clone(x.strides)
			for _, axis := range data {
				v.begin += (dims[axis] - 1) * x.strides[axis]
				v.strides[axis] = -x.strides[axis]
			}
		}
	case sliced:
		for axis := range dims {
			stride := 1
			if len(data.strides) > 0 {
				stride = data.strides[axis]
			}
			v.begin += data.starts[axis] * x.strides[axis]
			v.strides[axis] = stride * x.strides[axis]
		}
	}
	return v
}

// simple joins axes that follow each other without a gap and drops those of length 1.
func (v view) simple() view {
	out := view{of: v.of, begin: v.begin}
	for axis, dim := range v.dims {
		if dim == 1 {
			continue
		}
		if last := len(out.dims) - 1; last >= 0 && out.strides[last] == v.strides[axis]*dim {
			out.dims[last] *= dim
			out.strides[last] = v.strides[axis]
			continue
		}
		out.dims, out.strides = append(out.dims, dim), append(out.strides, v.strides[axis])
	}
	if len(out.dims) == 0 {
		out.dims, out.strides = []int{1}, []int{0}
	}
	return out
}

// contiguous says whether a simple view is a stretch of memory.
func (v view) contiguous() bool { return len(v.dims) == 1 && (v.strides[0] == 1 || v.dims[0] == 1) }

func sizeOf(dims []int) int {
	size := 1
	for _, dim := range dims {
		size *= dim
	}
	return size
}

// gather writes len(to) of the view's numbers, in order from the first-th, to to.
func gather[T any](to, from []T, v view, first int) {
	last := len(v.dims) - 1
	inner, stride := v.dims[last], v.strides[last]
	var room [8]int
	index := append(room[:0], v.dims...)
	at := v.begin
	for axis, rest := last, first; axis >= 0; axis-- {
		index[axis] = rest % v.dims[axis]
		rest /= v.dims[axis]
		at += index[axis] * v.strides[axis]
	}
	for {
		n := min(inner-index[last], len(to))
		switch stride {
		case 1:
			copy(to[:n], from[at:])
		case 0:
			x := from[at]
			for i := range to[:n] {
				to[i] = x
			}
		default:
			for i, j := 0, at; i < n; i, j = i+1, j+stride {
				to[i] = from[j]
			}
		}
		if to = to[n:]; len(to) == 0 {
			return
		}
		at -= index[last] * stride
		index[last] = 0
		axis := last - 1
		for ; axis >= 0; axis-- {
			at += v.strides[axis]
			if index[axis]++; index[axis] < v.dims[axis] {
				break
			}
			at -= v.dims[axis] * v.strides[axis]
			index[axis] = 0
		}
		if axis < 0 {
			return
		}
	}
}
