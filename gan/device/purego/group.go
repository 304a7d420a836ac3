package purego

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// unit is what becomes one part of a program: a loop over elementwise nodes of one size, or a single other node.
type unit struct {
	nodes  []*node
	loop   bool
	size   int
	static bool

	last         int            // index of its last node
	ins, readers map[*unit]bool // whose results it reads, and who reads its own
	mark         int            // see paths
}

// mostInLoop is how many nodes a loop has at most, so that what it holds at a time stays near the processor.
const mostInLoop = 96

// elementwise says whether n can be part of a loop.
func elementwise(n *node) bool {
	if n.same != nil || n.constant || n.size == 0 {
		return false
	}
	if n.op == compute.OpTypeConvertDType {
		in := n.inputs[0].shape.DType
		return isFloat(n) && (in == dtypes.Bool || in == dtypes.Uint8 || in == dtypes.Int32) || isBool(n) && in == dtypes.Float32
	}
	code, ok := opcodes[n.op]
	if !ok {
		return false
	}
	for i, in := range n.inputs {
		if isBool(in) != (code.truth || n.op == compute.OpTypeWhere && i == 0) || !isBool(in) && !isFloat(in) {
			return false
		}
	}
	return isFloat(n) || isBool(n)
}

// source is the node whose memory n is read from.
func (n *node) source() *node {
	for n.lazy {
		n = viewOf(n).of
	}
	return n
}

// markLazy finds the nodes that rearrange numbers for loops and products alone: those are read where they are and have no
// memory.
func markLazy(live []*node) {
	readers := map[*node][]*node{}
	for _, n := range live {
		for _, in := range n.inputs {
			readers[in] = append(readers[in], n)
		}
	}
	for _, n := range slices.Backward(live) {
		if n.output || !rearranges(n.op) || n.shape.Rank() > 8 || !(isFloat(n) || isBool(n)) {
			continue
		}
		v := viewOf(n).simple()
		near := uint(v.strides[len(v.strides)-1]) <= 1 || n.op == compute.OpTypeSlice // not a cache line for each number
		n.lazy = true
		for _, r := range readers[n] {
			through := r.lazy && r.views[0] == n
			inProduct := slices.Min(v.strides) >= 0 && multiplies(r)
			for i, in := range r.inputs {
				inProduct = inProduct && (in != n || r.views[i] == n)
			}
			n.lazy = n.lazy && (through || inProduct || near && elementwise(r) && r.size == n.size)
		}
	}
}

// group makes units of the live nodes, in an order in which they can be run.
func group(live []*node) ([]*unit, error) {
	markLazy(live)
	of := map[*node]*unit{}
	var units []*unit
	var ways paths
	for _, n := range live {
		if n.op == compute.OpTypeParameter || n.constant || n.lazy {
			continue
		}
		if n.maker != nil { // one of several results: its unit is its maker's
			if u := of[n.maker]; u != nil {
				u.nodes = append(u.nodes, n)
				of[n] = u
				continue
			}
		}
		u := &unit{nodes: []*node{n}, loop: elementwise(n), size: n.size, static: n.fixed, last: n.index,
			ins: map[*unit]bool{}, readers: map[*unit]bool{}}
		for _, in := range n.inputs {
			if from := of[in.source()]; from != nil {
				u.reads(from)
			}
		}
		of[n] = u
		if n.maker != nil {
			of[n.maker] = u
		}
		units = append(units, u)
		if !u.loop {
			continue
		}
		// The loops it reads take it in, or it and they become one.
		for _, in := range n.inputs {
			other := of[in]
			if other == nil || other == u || !other.loop || other.size != u.size || other.static != u.static ||
				len(u.nodes)+len(other.nodes) > mostInLoop {
				continue
			}
			if !ways.leads(other, u) {
				merge(other, u, of)
			}
		}
	}
	return sorted(units)
}

// paths finds ways between units. mark tells what one search has seen.
type paths struct{ mark int }

// leads says whether a way leads from a to b, who reads a, through a third unit, or back from b to a: then they cannot be
// one.
func (p *paths) leads(a, b *unit) bool {
	if len(a.readers) == 1 && a.readers[b] && len(b.readers) == 0 {
		return false
	}
	p.mark++
	b.mark = p.mark
	for in := range b.ins {
		if in != a && p.reaches(in, a) {
			return true
		}
	}
	if len(b.readers) == 0 {
		return false
	}
	p.mark++
	return p.reaches(a, b)
}

// reaches says whether u is of, or reads it, by whatever ways.
func (p *paths) reaches(u, of *unit) bool {
	if u == of {
		return true
	}
	if u.mark == p.mark {
		return false
	}
	u.mark = p.mark
	for in := range u.ins {
		if p.reaches(in, of) {
			return true
		}
	}
	return false
}

// merge puts the nodes of a into b.
func merge(a, b *unit, of map[*node]*unit) {
	b.nodes = append(b.nodes, a.nodes...)
	slices.SortFunc(b.nodes, func(x, y *node) int { return x.index - y.index })
	for _, n := range a.nodes {
		of[n] = b
	}
	for in := range a.ins {
		delete(in.readers, a)
		b.reads(in)
	}
	for r := range a.readers {
		delete(r.ins, a)
		r.reads(b)
	}
	b.last = max(a.last, b.last)
	a.nodes = nil
}

func (u *unit) reads(in *unit) {
	if in != u {
		u.ins[in], in.readers[u] = true, true
	}
}

// sorted brings units into an order in which each comes after those it reads, near the order of the graph.
func sorted(units []*unit) ([]*unit, error) {
	units = slices.DeleteFunc(units, func(u *unit) bool { return len(u.nodes) == 0 })
	readers := map[*unit][]*unit{}
	waits := map[*unit]int{}
	ready := &queue{}
	for _, u := range units {
		waits[u] = len(u.ins)
		for in := range u.ins {
			readers[in] = append(readers[in], u)
		}
		if waits[u] == 0 {
			heap.Push(ready, u)
		}
	}
	var order []*unit
	for ready.Len() > 0 {
		u := heap.Pop(ready).(*unit)
		order = append(order, u)
		for _, r := range readers[u] {
			if waits[r]--; waits[r] == 0 {
				heap.Push(ready, r)
			}
		}
	}
	if len(order) != len(units) {
		return nil, fmt.Errorf("purego: %d of %d parts of a program wait for each other", len(units)-len(order), len(units))
	}
	return order, nil
}

// queue holds units by the place of their last node.
type queue []*unit

// Len is how many there are.
func (q queue) Len() int { return len(q) }

// Less puts the unit first whose last node comes first.
func (q queue) Less(i, j int) bool { return q[i].last < q[j].last }

// Swap exchanges two.
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push adds one at the end.
func (q *queue) Push(u any) { *q = append(*q, u.(*unit)) }

// Pop takes the last one.
func (q *queue) Pop() any {
	old := *q
	u := old[len(old)-1]
	*q = old[:len(old)-1]
	return u
}
