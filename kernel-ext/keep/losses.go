package keep

import (
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// losses finds what this program lacks for the things, and which things cannot be brought back for that. For each it says
// what it lacks.
func (d *decoder) losses() map[int]loss {
	whole := len(d.lost) == 0
	for n := range d.codes {
		f, _ := d.function(n)
		whole = whole && f != nil
	}
	for _, name := range d.globals {
		whole = whole && d.names.byName[name] != nil
	}
	if whole {
		return nil
	}
	d.dry = true
	lacks := map[int]loss{}
	links := make([][]int32, len(d.things))
	for i := range d.things {
		d.links, d.lack = nil, loss{}
		d.look(&d.things[i])
		links[i] = d.links
		if d.lack.what != "" {
			lacks[i] = d.lack
		}
	}
	d.dry = false
	back := make([][]int32, len(d.things))
	for i, list := range links {
		for _, to := range list {
			back[to] = append(back[to], int32(i))
		}
	}
	var list []int32
	for i := range lacks {
		list = append(list, int32(i))
	}
	for ; len(list) > 0; list = list[1:] {
		for _, from := range back[list[0]] {
			if _, ok := lacks[int(from)]; !ok {
				lacks[int(from)] = lacks[int(list[0])]
				list = append(list, from)
			}
		}
	}
	for i := range lacks {
		d.things[i].missing = true
	}
	return lacks
}

// look reads a thing for what it refers to.
func (d *decoder) look(t *decoded) {
	if t.typ >= 0 && t.layout == nil {
		d.lack = d.lost[int(t.typ)]
		return
	}
	d.in = store.NewReader(t.content)
	switch t.head {
	case headMemory:
		for range t.count {
			d.value(t.layout, nil)
		}
	case headMap, headSyncMap:
		key, elem := d.ls.of(t.layout.typ.Key()), d.ls.of(t.layout.typ.Elem())
		for range d.in.Count() {
			d.value(key, nil)
			d.value(elem, nil)
		}
	case headKeeper:
		d.iface(&anyOp, nil)
	case headClosure:
		d.closure(t)
	}
}

// missed notes what is not there, while nothing is written.
func (d *decoder) missed(l loss) {
	if d.lack.what == "" {
		d.lack = l
	}
}

// function is the function value of a number, or nil and what is lost with it. Of a literal or a method value with captures
// it is the maker, which is only asked whether it is there.
func (d *decoder) function(n int) (unsafe.Pointer, loss) {
	if f, ok := d.found[n]; ok {
		return f, loss{}
	}
	name := d.codes[n]
	if print := d.code.print(d.print, name); d.prints[n] != 0 && print != 0 && d.prints[n] != print {
		return nil, loss{what: "the function " + name, changed: true}
	}
	var f unsafe.Pointer
	if m, ok := d.code.maker(name); ok && len(m.in) > 0 {
		f = unsafe.Pointer(&m)
	} else {
		f = d.code.find(name)
	}
	if f == nil {
		return nil, loss{what: "the function " + name}
	}
	if d.found == nil {
		d.found = map[int]unsafe.Pointer{}
	}
	d.found[n] = f
	return f, loss{}
}
