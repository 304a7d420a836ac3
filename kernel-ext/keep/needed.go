package keep

import (
	"reflect"
	"slices"

	"gantry.local/kernel-ext/keep/store"
)

// needed adds the types of cells without which a variable cannot be brought back: those of all things that it leads to, and of what
// these have in interfaces. Where one of them changes, the variable goes, and no other of its cluster.
func (s *saving) needed(list []store.Named, e *encoder, m member) []store.Named {
	added := map[reflect.Type]bool{}
	add := func(t reflect.Type) {
		if !added[t] {
			added[t] = true
			list = s.cellTypes(list, t)
		}
	}
	if !e.shared {
		for _, t := range e.types.list {
			add(t)
		}
		return list
	}
	if m.thing < 0 || s.named(list, e) {
		return list
	}
	reached := s.leadsTo(m.thing)
	for t, is := range reached {
		if is && s.things[t].layout != nil && !s.things[t].raw {
			add(s.things[t].layout.typ)
		}
	}
	for _, in := range e.inside {
		if reached[in.thing] {
			add(in.typ)
		}
	}
	return list
}

// named tells whether all types of cells that a cluster has are in a list, as where variables lead to one list of nodes.
func (s *saving) named(list []store.Named, e *encoder) bool {
	for _, t := range e.types.list {
		for _, c := range s.print.madeOf(t) {
			if !slices.ContainsFunc(list, func(n store.Named) bool { return n.Name == c.Name() }) {
				return false
			}
		}
	}
	return true
}

// leadsTo marks the things that must be there for one to be whole, itself included.
func (s *saving) leadsTo(thing int32) []bool {
	if s.links == nil {
		s.links = make([][]int32, len(s.things))
		link := func(from, to int32) {
			if from >= 0 && to >= 0 && from != to {
				s.links[from] = append(s.links[from], to)
			}
		}
		for i := range s.w.nodes {
			n := &s.w.nodes[i]
			for _, edge := range s.w.edges[n.first:n.last] {
				if n.thing >= 0 {
					link(n.thing, s.w.nodes[edge.to].thing)
				}
			}
		}
		for i := range s.things {
			if t := &s.things[i]; t.kind == keeperNode && t.inside >= 0 {
				link(int32(i), t.inside)
				link(t.inside, int32(i))
			}
		}
	}
	reached := make([]bool, len(s.things))
	reached[thing] = true
	for list := []int32{thing}; len(list) > 0; {
		from := list[len(list)-1]
		list = list[:len(list)-1]
		for _, to := range s.links[from] {
			if !reached[to] {
				reached[to] = true
				list = append(list, to)
			}
		}
	}
	return reached
}
