package keep

import (
	"slices"
)

// steps is the order in which closures, maps and values with stand-ins are made again: what one needs comes before it.
func (e *encoder) steps() ([]int32, error) {
	var closures, maps []int32
	for i, t := range e.order {
		switch e.list[t].kind {
		case closureNode:
			closures = append(closures, int32(i))
		case mapNode:
			maps = append(maps, int32(i))
		}
	}
	if !e.linking {
		return append(closures, maps...), nil
	}
	for len(e.links) < len(e.order) {
		e.links = append(e.links, nil)
	}
	for i, t := range e.order { // memory needs what lies in it
		if th := &e.list[t]; th.kind == keeperNode && th.inside >= 0 && e.list[th.inside].local >= 0 {
			in := e.list[th.inside].local
			e.links[in] = append(e.links[in], int32(i))
		}
	}
	var steps []int32
	for _, group := range components(e.links) {
		for _, kind := range [...]nodeKind{closureNode, mapNode, keeperNode} {
			for _, i := range group {
				t := &e.list[e.order[i]]
				if t.kind != kind {
					continue
				}
				if kind == keeperNode && (len(group) > 1 || slices.Contains(e.links[i], i)) {
					return nil, plainError(t.layout.typ.String() + ": its stand-in leads back to it")
				}
				steps = append(steps, i)
			}
		}
	}
	return steps, nil
}

// components are the strongly connected components of a graph, each behind those that it leads to (Tarjan 1972).
func components(links [][]int32) [][]int32 {
	n := len(links)
	index, low := make([]int32, n), make([]int32, n) // from 1
	on := make([]bool, n)
	var stack []int32
	var out [][]int32
	type frame struct {
		at   int32
		next int
	}
	count := int32(0)
	for root := range n {
		if index[root] != 0 {
			continue
		}
		calls := []frame{{at: int32(root)}}
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			v := f.at
			if f.next == 0 {
				count++
				index[v], low[v], on[v] = count, count, true
				stack = append(stack, v)
			}
			if f.next < len(links[v]) {
				to := links[v][f.next]
				f.next++
				if index[to] == 0 {
					calls = append(calls, frame{at: to})
				} else if on[to] {
					low[v] = min(low[v], index[to])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := calls[len(calls)-1].at
				low[up] = min(low[up], low[v])
			}
			if low[v] == index[v] {
				var group []int32
				for {
					top := stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					on[top] = false
					group = append(group, top)
					if top == v {
						break
					}
				}
				out = append(out, group)
			}
		}
	}
	return out
}
