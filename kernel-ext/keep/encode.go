package keep

import (
	"reflect"
	"slices"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// A file of values, behind its magic: the types it refers to, functions by name with the fingerprints of their types, names
// of globals, variables, a head for each thing, the order of the steps that bring things back which are more than memory,
// and the contents of the things one behind the other. The form is that of the machine that wrote it, for it goes no further
// than to the next cell.
const fileMagic = "gantry cluster 1\n"

// How a reference begins. A number from refThing on is a thing's, and an offset follows.
const (
	refNil    = iota
	refEmpty  // to something without size
	refGlobal // the number of a name follows
	refThing
)

// How a function begins.
const (
	funcNil     = iota
	funcGlobal  // the number of a name follows
	funcStatic  // the number of a function's name follows
	funcClosure // a thing's number follows
)

// blockSize is the size in bytes from which on memory without pointers has a file of its own.
const blockSize = 64 << 10

// An encoder writes one cluster.
type encoder struct {
	w      *walk
	list   []thing
	order  []int32 // things by their numbers in the file
	types  typeTable
	codes  numbered
	names  numbered // globals
	blocks []int32  // things that have a file of their own
	out    store.Writer

	dynamic, standIns []reflect.Type
	standingIn        []reflect.Type // of the stand-ins themselves
	inDynamic         map[reflect.Type]bool
	inside            []typeInside // where types of cells are in interfaces, if the cluster has several variables
	shared            bool         // it has
	links             [][]int32    // for each number of a thing those that it leads to, where keepers want an order
	linking           bool
	now               int32 // the number of the thing that is encoded
	moved             bool  // memory has changed since it was walked
}

// typeInside says that a thing has a type in an interface.
type typeInside struct {
	thing int32
	typ   reflect.Type
}

// numbered gives names numbers.
type numbered struct {
	index map[string]int
	list  []string
}

func (n *numbered) add(name string) int {
	i, ok := n.index[name]
	if !ok {
		if n.index == nil {
			n.index = map[string]int{}
		}
		i = len(n.list)
		n.index[name] = i
		n.list = append(n.list, name)
	}
	return i
}

// member is a variable of a cluster.
type member struct {
	name  string
	typ   reflect.Type
	thing int32 // or -1
	index int   // of the variable
}

// encode is the content of a cluster's file.
func encode(w *walk, p *printer, list []thing, members []member) (e *encoder, file []byte, err error) {
	e = &encoder{w: w, list: list, now: -1, inDynamic: map[reflect.Type]bool{}, shared: len(members) > 1}
	e.types = typeTable{p: p, index: map[reflect.Type]int{}}
	for i := range w.nodes {
		if t := w.nodes[i].thing; t >= 0 && list[t].kind == keeperNode && len(members) > 0 && members[0].thing >= 0 &&
			find(list, t) == find(list, members[0].thing) {
			e.linking = true
			break
		}
	}
	var vars store.Writer
	vars.Uint(uint64(len(members)))
	for _, m := range members {
		vars.Text(m.name)
		vars.Uint(uint64(e.types.add(m.typ)))
		if m.thing < 0 {
			vars.Uint(0)
		} else {
			vars.Uint(uint64(e.number(m.thing)) + 1)
		}
	}
	var heads store.Writer
	for i := 0; i < len(e.order); i++ {
		e.now = int32(i)
		start := len(e.out.Bytes)
		e.thing(&heads, &list[e.order[i]])
		heads.Uint(uint64(len(e.out.Bytes) - start))
	}
	steps, err := e.steps()
	if e.moved {
		err = errMoved
	}
	if err != nil {
		return nil, nil, err
	}
	var w2 store.Writer
	w2.Bytes = append(w2.Bytes, fileMagic...)
	w2.Uint(uint64(len(e.types.list)))
	w2.Bytes = append(w2.Bytes, e.types.w.Bytes...)
	w2.Uint(uint64(len(e.codes.list)))
	for _, name := range e.codes.list {
		w2.Text(name)
		w2.Uint(w.code.print(p, name))
	}
	w2.Texts(e.names.list)
	w2.Bytes = append(w2.Bytes, vars.Bytes...)
	w2.Uint(uint64(len(e.order)))
	w2.Bytes = append(w2.Bytes, heads.Bytes...)
	w2.Uint(uint64(len(steps)))
	for _, s := range steps {
		w2.Uint(uint64(s))
	}
	w2.Bytes = append(w2.Bytes, e.out.Bytes...)
	return e, w2.Bytes, nil
}

var errMoved = plainError("it was changed while it was being kept")

type plainError string

// Error implements error.
func (e plainError) Error() string { return string(e) }

// number is a thing's number in the file.
func (e *encoder) number(t int32) int32 {
	th := &e.list[t]
	if th.local < 0 {
		th.local = int32(len(e.order))
		e.order = append(e.order, t)
	}
	if e.linking && e.now >= 0 {
		for int(e.now) >= len(e.links) {
			e.links = append(e.links, nil)
		}
		e.links[e.now] = append(e.links[e.now], th.local)
	}
	return th.local
}

// Heads of things.
const (
	headRaw     = iota // bytes, variable
	headBlock          // bytes, variable, number of the block
	headMemory         // type, count, variable
	headMap            // type
	headSyncMap        //
	headKeeper         // type, whether it is a pointer
	headClosure        // number of its name
)

func (e *encoder) thing(h *store.Writer, t *thing) {
	switch t.kind {
	case memoryNode:
		switch {
		case t.raw && t.size >= blockSize:
			h.Uint(headBlock)
			h.Uint(uint64(t.size))
			h.Uint(uint64(t.variable + 1))
			h.Uint(uint64(len(e.blocks)))
			e.blocks = append(e.blocks, e.order[e.now])
		case t.raw:
			h.Uint(headRaw)
			h.Uint(uint64(t.size))
			h.Uint(uint64(t.variable + 1))
			e.out.Bytes = append(e.out.Bytes, bytesAt(t.base, t.size)...)
		default:
			h.Uint(headMemory)
			h.Uint(uint64(e.types.add(t.layout.typ)))
			h.Uint(uint64(t.count))
			h.Uint(uint64(t.variable + 1))
			for i := range t.count {
				e.value(t.layout, at(t.base, uintptr(i)*t.layout.size))
			}
		}
	case mapNode:
		if t.count == syncMap {
			h.Uint(headSyncMap)
		} else {
			h.Uint(headMap)
			h.Uint(uint64(e.types.add(t.layout.typ)))
		}
		e.entries(e.w.nodes[t.node].extra.entries)
	case keeperNode:
		h.Uint(headKeeper)
		h.Uint(uint64(e.types.add(t.layout.typ)))
		pointer := t.layout.keeper == pointerKeeper
		kept := t.layout.typ
		if pointer {
			kept = reflect.PointerTo(kept)
			h.Uint(1)
		} else {
			h.Uint(0)
		}
		if !slices.Contains(e.standIns, kept) {
			e.standIns = append(e.standIns, kept)
		}
		e.iface(&anyOp, unsafe.Pointer(&e.w.nodes[t.node].extra.standIn), false)
	case closureNode:
		x := e.w.nodes[t.node].extra
		h.Uint(headClosure)
		h.Uint(uint64(e.codes.add(x.code)))
		e.out.Uint(uint64(len(x.holds)))
		for _, held := range x.holds {
			e.out.Uint(uint64(e.types.add(held.layout.typ)))
			e.value(held.layout, held.at)
		}
	}
}

// entries writes a map, in an order of its keys where they have one that does not depend on where things lie.
func (e *encoder) entries(m *entries) {
	var order []int32
	if m.key.plain && m.n <= 1<<17 {
		out := e.out
		order = byText(m.n, func(i int32) string {
			e.out = store.Writer{}
			e.value(m.key, at(m.keys, uintptr(i)*m.key.size))
			return string(e.out.Bytes)
		})
		e.out = out
	}
	e.out.Uint(uint64(m.n))
	for k := range m.n {
		i := uintptr(k)
		if order != nil {
			i = uintptr(order[k])
		}
		e.value(m.key, at(m.keys, i*m.key.size))
		e.value(m.elem, at(m.elems, i*m.elem.size))
	}
}
