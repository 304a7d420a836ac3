package keep

import (
	"cmp"
	"slices"
	"unsafe"
)

// A thing is what is encoded: a piece of memory that no other overlaps, a map, a stand-in, a closure. Nodes that overlap
// share one thing.
type thing struct {
	kind     nodeKind
	raw      bool // memory of numbers, of which only the bytes matter
	base     unsafe.Pointer
	size     uintptr // bytes, of memory and of what has a stand-in
	layout   *layout
	count    int
	node     int32 // for all but memory
	inside   int32 // for what has a stand-in: the memory in which it lies, or -1
	variable int   // whose memory this is, or -1
	set      int32 // another thing of the same cluster, or itself
	local    int32 // number in its cluster, or -1
}

func (t *thing) end() uintptr { return uintptr(t.base) + t.size }

const twoTypes = "memory that is used as two types"

// things makes things of the nodes that are marked. It is false if it has found nodes that cannot be kept, which it has said
// of them.
func (w *walk) things(mark []bool) (list []thing, ok bool) {
	order := make([]int32, 0, len(w.nodes))
	list = make([]thing, 0, len(w.nodes))
	ok = true
	for i := range w.nodes {
		n := &w.nodes[i]
		n.thing = -1
		switch {
		case !mark[i]:
		case n.kind == memoryNode || n.kind == keeperNode:
			order = append(order, int32(i))
		default:
			n.thing = int32(len(list))
			list = append(list, thing{kind: n.kind, base: n.at, layout: n.layout, count: n.count, node: int32(i), inside: -1})
		}
	}
	slices.SortFunc(order, func(i, j int32) int {
		a, b := &w.nodes[i], &w.nodes[j]
		if c := cmp.Compare(uintptr(a.at), uintptr(b.at)); c != 0 {
			return c
		}
		if c := cmp.Compare(b.bytes(), a.bytes()); c != 0 {
			return c
		}
		if c := cmp.Compare(a.kind, b.kind); c != 0 {
			return c
		}
		return cmp.Compare(i, j)
	})
	cur := int32(-1)
	for _, i := range order {
		n := &w.nodes[i]
		overlaps := cur >= 0 && uintptr(n.at) < list[cur].end()
		switch {
		case n.kind == keeperNode:
			n.thing = int32(len(list))
			list = append(list, thing{kind: keeperNode, base: n.at, size: n.bytes(), layout: n.layout, count: 1, node: i, inside: -1})
			if overlaps {
				list[n.thing].inside = cur
			} else {
				cur = n.thing
			}
		case !overlaps:
			cur = int32(len(list))
			n.thing = cur
			list = append(list, thing{
				kind: memoryNode, raw: n.layout.raw, base: n.at, size: n.bytes(), layout: n.layout, count: n.count, node: -1, inside: -1,
			})
		default:
			n.thing = cur
			if !list[cur].takes(n) {
				w.bad(int(i), twoTypes)
				ok = false
			}
		}
	}
	for i := range list {
		list[i].set, list[i].local, list[i].variable = int32(i), -1, -1
	}
	return list, ok
}

// byText puts numbers in the order of the texts that they stand for. All that is sorted here are numbers of one type, because
// each type that is sorted costs each cell's program its own copy of the algorithm.
func byText(n int, text func(i int32) string) []int32 {
	order, texts := make([]int32, n), make([]string, n)
	for i := range order {
		order[i], texts[i] = int32(i), text(int32(i))
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(texts[i], texts[j]) })
	return order
}

func (n *node) bytes() uintptr { return n.layout.size * uintptr(n.count) }

// takes makes a node that begins in a thing's memory part of it, where that can be.
func (t *thing) takes(n *node) bool {
	off := uintptr(n.at) - uintptr(t.base)
	if end := uintptr(n.at) + n.bytes(); end > t.end() {
		switch {
		case t.kind != memoryNode:
			return false
		case t.raw && n.layout.raw:
			t.size = end - uintptr(t.base)
			return true
		case t.layout == n.layout && off%t.layout.size == 0:
			t.size = end - uintptr(t.base)
			t.count = int(t.size / t.layout.size)
			return true
		}
		return false
	}
	switch {
	case n.layout.raw || t.kind == keeperNode:
		return true
	case t.raw:
		return false
	case t.layout == n.layout:
		return off%t.layout.size == 0
	case fits(t.layout.typ, off%t.layout.size, n.layout.typ, n.count):
		return true
	case off == 0 && n.count == 1 && n.bytes() == t.size && fits(n.layout.typ, 0, t.layout.typ, t.count):
		t.layout, t.count = n.layout, 1
		return true
	}
	return false
}

// find is the one thing by which a thing's cluster is known.
func find(list []thing, i int32) int32 {
	for list[i].set != i {
		list[i].set = list[list[i].set].set
		i = list[i].set
	}
	return i
}

func join(list []thing, i, j int32) { list[find(list, i)].set = find(list, j) }

// joinAll puts what is connected into one cluster.
func (w *walk) joinAll(list []thing, mark []bool) {
	for i := range w.nodes {
		if n := &w.nodes[i]; mark[i] {
			for _, e := range w.edges[n.first:n.last] {
				join(list, n.thing, w.nodes[e.to].thing)
			}
		}
	}
	for i := range list {
		if in := list[i].inside; in >= 0 {
			join(list, int32(i), in)
		}
	}
}

// reach marks what a node leads to, itself included.
func (w *walk) reach(root int32, mark []bool) {
	if root < 0 || mark[root] {
		return
	}
	mark[root] = true
	for list := []int32{root}; len(list) > 0; {
		n := &w.nodes[list[len(list)-1]]
		list = list[:len(list)-1]
		for _, e := range w.edges[n.first:n.last] {
			if !mark[e.to] {
				mark[e.to] = true
				list = append(list, e.to)
			}
		}
	}
}
