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
	inDynamic         map[reflect.Type]bool
	links             [][]int32 // for each number of a thing those that it leads to, where keepers want an order
	linking           bool
	now               int32 // the number of the thing that is encoded
	moved             bool  // memory has changed since it was walked
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
	e = &encoder{w: w, list: list, now: -1, inDynamic: map[reflect.Type]bool{}}
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
	order := make([]ranked, m.n)
	for i := range order {
		order[i].index = int32(i)
	}
	if m.key.plain && m.n <= 1<<17 {
		out := e.out
		e.out = store.Writer{}
		for i := range order {
			start := len(e.out.Bytes)
			e.value(m.key, at(m.keys, uintptr(i)*m.key.size))
			order[i].text = string(e.out.Bytes[start:])
		}
		e.out = out
		slices.SortFunc(order, ranked.compare)
	}
	e.out.Uint(uint64(m.n))
	for _, r := range order {
		i := uintptr(r.index)
		e.value(m.key, at(m.keys, i*m.key.size))
		e.value(m.elem, at(m.elems, i*m.elem.size))
	}
}

// value writes a value of a layout.
func (e *encoder) value(l *layout, p unsafe.Pointer) {
	for k := range l.ops {
		o := &l.ops[k]
		q := at(p, o.off)
		switch o.kind {
		case opRaw:
			e.out.Bytes = append(e.out.Bytes, bytesAt(q, o.size)...)
		case opString:
			e.text((*text)(q))
		case opPtr:
			e.pointer(*(*unsafe.Pointer)(q), o.to, 1)
		case opSlice:
			s := (*slice)(q)
			e.pointer(s.data, o.to, s.cap)
			if s.data != nil {
				e.out.Uint(uint64(s.len))
				e.out.Uint(uint64(s.cap))
			}
		case opIface:
			e.iface(o, q, true)
		case opMap:
			e.mapRef(*(*unsafe.Pointer)(q), o)
		case opFunc:
			e.function(*(*unsafe.Pointer)(q))
		case opType:
			if t := *(*unsafe.Pointer)(q); t == nil {
				e.out.Uint(0)
			} else {
				e.uses(typeOf(t))
				e.out.Uint(uint64(e.types.add(typeOf(t))) + 1)
			}
		case opArray:
			for i := range o.n {
				e.value(o.to, at(q, uintptr(i)*o.to.size))
			}
		case opTime:
			t := reflectTime(q)
			e.out.Bytes = append(e.out.Bytes, bytesAt(unsafe.Pointer(&t), timeNumbers)...)
			e.pointer(t.loc, o.to, 1)
		case opKeeper:
			e.ref(nodeKey{at: q, layout: o.to, kind: keeperNode, count: 1})
		case opMarshal:
			b, err := marshalled(o.to.typ, q)
			e.moved = e.moved || err != nil
			e.out.Text(string(b))
		case opSyncMap:
			e.ref(nodeKey{at: q, layout: e.w.ls.of(anyMapType), kind: mapNode, count: syncMap})
		case opZero:
			e.moved = e.moved || !isZero(bytesAt(q, o.size))
		case opPad:
			e.out.Uint(0)
		}
	}
}

// ref writes the number of what a node became.
func (e *encoder) ref(k nodeKey) {
	if i, ok := e.w.seen[k]; ok && e.w.nodes[i].thing >= 0 {
		e.out.Uint(uint64(e.number(e.w.nodes[i].thing)))
		return
	}
	e.moved = true
	e.out.Uint(0)
}

func (e *encoder) text(s *text) {
	if s.len < sharedString {
		e.out.Uint(uint64(s.len) << 1)
		e.out.Bytes = append(e.out.Bytes, bytesAt(s.data, uintptr(s.len))...)
		return
	}
	e.out.Uint(uint64(s.len)<<1 | 1)
	e.memory(nodeKey{at: s.data, layout: e.w.ls.of(byteType), count: s.len})
}

// pointer writes a reference to count values of a layout.
func (e *encoder) pointer(p unsafe.Pointer, l *layout, count int) {
	if p == nil {
		e.out.Uint(refNil)
		return
	}
	if name, ok := e.w.globals.name(p); ok && count > 0 {
		e.out.Uint(refGlobal)
		e.out.Uint(uint64(e.names.add(name)))
		return
	}
	e.w.ls.readied(l)
	if count == 0 || l.size == 0 {
		e.out.Uint(refEmpty)
		return
	}
	if l.keeper == pointerKeeper && count == 1 {
		e.memory(nodeKey{at: p, layout: l, kind: keeperNode, count: 1})
		return
	}
	t, n := flat(l.typ, count)
	if l = e.w.ls.of(t); n == 0 || l.size == 0 {
		e.out.Uint(refEmpty)
		return
	}
	e.memory(nodeKey{at: p, layout: l, count: n})
}

// memory writes a reference to the thing in which a node lies, and where.
func (e *encoder) memory(k nodeKey) {
	i, ok := e.w.seen[k]
	if !ok || e.w.nodes[i].thing < 0 {
		e.moved = true
		e.out.Uint(refNil)
		return
	}
	t := e.w.nodes[i].thing
	if th := &e.list[t]; th.kind == keeperNode && th.inside >= 0 {
		t = th.inside
	}
	e.out.Uint(refThing + uint64(e.number(t)))
	e.out.Uint(uint64(uintptr(k.at) - uintptr(e.list[t].base)))
}

// iface writes an interface: nothing, or one more than the number of its type, and the value or where it is.
func (e *encoder) iface(o *op, q unsafe.Pointer, used bool) {
	t, word := dynamic(o, q)
	if t == nil {
		e.out.Uint(0)
		return
	}
	if used {
		e.uses(t)
	}
	e.out.Uint(uint64(e.types.add(t)) + 1)
	l := e.w.ls.of(t)
	switch {
	case l.direct:
		e.value(l, word)
	case l.size == 0:
	case inlined(l):
		e.value(l, *(*unsafe.Pointer)(word))
	default:
		t, n := flat(t, 1)
		e.memory(nodeKey{at: *(*unsafe.Pointer)(word), layout: e.w.ls.of(t), count: n})
	}
}

// uses notes a type that another program must know without having a variable of it.
func (e *encoder) uses(t reflect.Type) {
	if t.Name() != "" && t.PkgPath() == "" || e.inDynamic[t] {
		return
	}
	e.inDynamic[t] = true
	e.dynamic = append(e.dynamic, t)
}

func (e *encoder) mapRef(m unsafe.Pointer, o *op) {
	if m == nil {
		e.out.Uint(refNil)
		return
	}
	if name, ok := e.w.globals.name(m); ok {
		e.out.Uint(refGlobal)
		e.out.Uint(uint64(e.names.add(name)))
		return
	}
	i, ok := e.w.seen[nodeKey{at: m, layout: e.w.ls.of(o.typ), kind: mapNode, count: 1}]
	if !ok || e.w.nodes[i].thing < 0 {
		e.moved = true
		return
	}
	e.out.Uint(refThing + uint64(e.number(e.w.nodes[i].thing)))
}

func (e *encoder) function(f unsafe.Pointer) {
	if f == nil {
		e.out.Uint(funcNil)
		return
	}
	if name, ok := e.w.globals.name(f); ok {
		e.out.Uint(funcGlobal)
		e.out.Uint(uint64(e.names.add(name)))
		return
	}
	if e.w.code.static(f) {
		e.out.Uint(funcStatic)
		e.out.Uint(uint64(e.codes.add(e.w.code.name(*(*uintptr)(f)))))
		return
	}
	e.out.Uint(funcClosure)
	e.ref(nodeKey{at: f, layout: e.w.ls.of(funcType), kind: closureNode, count: 1})
}

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
