package purego

import "unsafe"

// layOut gives each node that a step writes a slot. Slots of nodes that are not needed at the same time are one; those of
// parameters, outputs, constants and what is computed once are their own.
func (p *program) layOut(live []*node) {
	slot := func(size int) int {
		p.slots = append(p.slots, size)
		return len(p.slots) - 1
	}
	slot(0) // of nodes without memory
	for _, n := range p.parameters {
		n.slot = slot(0)
	}
	own := map[*node]bool{}
	for _, n := range live {
		switch {
		case n.constant:
			n.slot = slot(len(n.value))
			p.first = append([]step{constant(n)}, p.first...)
		case n.output && !n.fixed && n.slot == 0:
			n.slot = slot(0)
			own[n] = true
		}
	}
	for _, s := range p.first {
		for _, n := range s.writes {
			if n.slot == 0 {
				n.slot = slot(int(n.shape.ByteSize()))
			}
		}
	}
	last := map[*node]int{} // step that reads a node last
	for i, s := range p.steps {
		for _, n := range s.reads {
			last[n] = i
		}
		for _, n := range s.writes {
			last[n] = max(last[n], i)
		}
	}
	var free []int
	for i, s := range p.steps {
		for _, n := range s.writes {
			if n.slot != 0 {
				continue
			}
			size := int(n.shape.ByteSize())
			best := -1 // the free slot that wastes or grows least
			for j, f := range free {
				if best < 0 || misfit(p.slots[f], size) < misfit(p.slots[free[best]], size) {
					best = j
				}
			}
			if best >= 0 && misfit(p.slots[free[best]], size) <= 2*size {
				n.slot = free[best]
				free = append(free[:best], free[best+1:]...)
				p.slots[n.slot] = max(p.slots[n.slot], size)
			} else {
				n.slot = slot(size)
			}
		}
		seen := map[*node]bool{}
		for _, nodes := range [][]*node{s.reads, s.writes} {
			for _, n := range nodes {
				if last[n] == i && !seen[n] && !own[n] && p.slots[n.slot] > 0 && !n.fixed {
					seen[n] = true
					free = append(free, n.slot)
				}
			}
		}
	}
}

func misfit(have, want int) int {
	if have >= want {
		return have - want
	}
	return 2 * (want - have)
}

func constant(n *node) step {
	return step{name: "constant", writes: []*node{n}, run: func(m *machine) error {
		copy(m.memory[n.slot], n.value)
		return nil
	}}
}

// aligned returns memory that begins where a cache line does.
func aligned(size int) []byte {
	const line = 64
	memory := make([]byte, size+line)
	shift := -uintptr(unsafe.Pointer(unsafe.SliceData(memory))) % line
	return memory[shift : int(shift)+size : int(shift)+size]
}
