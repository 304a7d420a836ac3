package keep

import (
	"reflect"
	"sync"
	"unsafe"
)

// A walk finds all that the variables of a program reach. What it finds are nodes: pieces of memory, maps, values with
// stand-ins, functions that capture something. It goes by a list of work, not by calling itself, so that lists of any length
// can be walked.
type walk struct {
	ls      *layouts
	code    *code
	globals globals
	blocks  *mappings

	nodes []node
	edges []edge
	seen  []int32 // a hash table: one more than a node's number, or 0
}

type nodeKind uint8

const (
	memoryNode  nodeKind = iota // count values of one layout
	mapNode                     //
	keeperNode                  // a value that is kept by a stand-in
	closureNode                 // a function and what it captures
)

// A node is a piece of what variables reach.
type node struct {
	kind        nodeKind
	count       int
	at          unsafe.Pointer
	layout      *layout
	first, last int32 // its edges
	thing       int32 // where it is encoded, once that is decided
	extra       *extra
}

// extra is what few nodes have.
type extra struct {
	why     string // it cannot be kept
	entries *entries
	standIn any
	code    string
	holds   []held
}

// entries are a map's, copied.
type entries struct {
	n             int
	key, elem     *layout
	keys, elems   unsafe.Pointer
	keysV, elemsV reflect.Value // hold the memory
}

// held is what a closure captures: a value of a layout.
type held struct {
	layout *layout
	at     unsafe.Pointer
}

type nodeKey struct {
	at     unsafe.Pointer
	layout *layout
	kind   nodeKind
	count  int
}

// An edge leads from a node to another, from an offset of its memory.
type edge struct {
	to  int32
	off uint32
}

func newWalk(s *session) *walk {
	return &walk{ls: s.ls, code: s.code, globals: s.names, blocks: s.blocks, seen: make([]int32, 64)}
}

// root adds a variable's memory. It is -1 for a variable without any.
func (w *walk) root(p unsafe.Pointer, t reflect.Type) int32 {
	t, n := flat(t, 1)
	l := w.ls.of(t)
	if l.size == 0 || n == 0 {
		return -1
	}
	return w.node(nodeKey{at: p, layout: l, count: n})
}

// node is the number of a node, which is added where it is new.
func (w *walk) node(k nodeKey) int32 {
	slot := w.slot(k)
	if i := w.seen[slot]; i != 0 {
		return i - 1
	}
	if 2*len(w.nodes) >= len(w.seen) {
		w.seen = make([]int32, 4*len(w.seen))
		for i := range w.nodes {
			n := &w.nodes[i]
			w.seen[w.slot(nodeKey{at: n.at, layout: n.layout, kind: n.kind, count: n.count})] = int32(i) + 1
		}
		slot = w.slot(k)
	}
	w.nodes = append(w.nodes, node{kind: k.kind, at: k.at, layout: k.layout, count: k.count, thing: -1})
	w.seen[slot] = int32(len(w.nodes))
	return int32(len(w.nodes)) - 1
}

// lookup is the number of a node that was found before.
func (w *walk) lookup(k nodeKey) (i int32, ok bool) {
	i = w.seen[w.slot(k)]
	return i - 1, i != 0
}

// slot is where a node's number is in the table, or belongs.
func (w *walk) slot(k nodeKey) int {
	const mix = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	h := uint64(uintptr(k.at)) * mix
	h = (h ^ h>>29 ^ uint64(uintptr(unsafe.Pointer(k.layout)))>>4 ^ uint64(k.count)<<20 ^ uint64(k.kind)<<56) * mix
	last := len(w.seen) - 1
	for slot := int(h>>32) & last; ; slot = (slot + 1) & last {
		i := w.seen[slot]
		if i == 0 {
			return slot
		}
		if n := &w.nodes[i-1]; n.at == k.at && n.layout == k.layout && n.kind == k.kind && n.count == k.count {
			return slot
		}
	}
}

// all scans until nothing new is found.
func (w *walk) all() {
	for i := 0; i < len(w.nodes); i++ {
		w.nodes[i].first = int32(len(w.edges))
		w.scanNode(i)
		w.nodes[i].last = int32(len(w.edges))
	}
}

func (w *walk) bad(i int, why string) {
	n := &w.nodes[i]
	if n.extra == nil {
		n.extra = &extra{}
	}
	if n.extra.why == "" {
		n.extra.why = why
	}
}

func (w *walk) edge(to int32, off uintptr) {
	w.edges = append(w.edges, edge{to: to, off: uint32(min(off, 1<<32-1))})
}

func (w *walk) scanNode(i int) {
	n := w.nodes[i]
	switch n.kind {
	case memoryNode:
		if !w.owned(n.at, n.layout.size*uintptr(n.count)) {
			w.bad(i, "memory outside of Go's")
			return
		}
		if n.layout.raw {
			return
		}
		for e := range n.count {
			w.scan(i, n.layout, at(n.at, uintptr(e)*n.layout.size), uintptr(e)*n.layout.size)
		}
	case mapNode:
		w.scanMap(i, n)
	case keeperNode:
		w.scanKeeper(i, n)
	case closureNode:
		w.scanClosure(i, n)
	}
}

// owned says whether memory is the program's own: of the heap, a variable or constant, or a block that was brought back.
func (w *walk) owned(p unsafe.Pointer, size uintptr) bool {
	if inHeap(p) {
		return true
	}
	if !w.code.known {
		return true
	}
	a := uintptr(p)
	return w.code.im.low <= a && a+size <= w.code.im.high || w.blocks.has(p, size)
}

// scan follows what a value of a layout leads to. off is where it lies in its node.
func (w *walk) scan(i int, l *layout, p unsafe.Pointer, off uintptr) {
	for k := range l.ops {
		o := &l.ops[k]
		q := at(p, o.off)
		switch o.kind {
		case opString:
			if s := (*text)(q); s.len >= sharedString {
				w.edge(w.node(nodeKey{at: s.data, layout: w.ls.of(byteType), count: s.len}), off+o.off)
			}
		case opPtr:
			if to, ok := w.pointer(*(*unsafe.Pointer)(q), o.to, 1); ok {
				w.edge(to, off+o.off)
			}
		case opTime:
			loc := reflectTime(q)
			if to, ok := w.pointer(loc.loc, o.to, 1); ok {
				w.edge(to, off+o.off)
			}
		case opSlice:
			s := (*slice)(q)
			if to, ok := w.pointer(s.data, o.to, s.cap); ok {
				w.edge(to, off+o.off)
			}
		case opIface:
			w.scanInterface(i, o, q, off+o.off)
		case opMap:
			if m := *(*unsafe.Pointer)(q); m != nil {
				if _, ok := w.globals.name(m); !ok {
					w.edge(w.node(nodeKey{at: m, layout: w.ls.of(o.typ), kind: mapNode, count: 1}), off+o.off)
				}
			}
		case opFunc:
			w.scanFunc(i, *(*unsafe.Pointer)(q), off+o.off)
		case opArray:
			for e := range o.n {
				w.scan(i, o.to, at(q, uintptr(e)*o.to.size), off+o.off+uintptr(e)*o.to.size)
			}
		case opKeeper:
			w.edge(w.node(nodeKey{at: q, layout: w.ls.readied(o.to), kind: keeperNode, count: 1}), off+o.off)
		case opMarshal:
			if _, err := marshalled(o.to.typ, q); err != nil {
				w.badAt(i, off+o.off, err.Error())
			}
		case opSyncMap:
			w.edge(w.node(nodeKey{at: q, layout: w.ls.of(anyMapType), kind: mapNode, count: syncMap}), off+o.off)
		case opZero:
			if !isZero(bytesAt(q, o.size)) {
				w.badAt(i, off+o.off, o.why)
			}
		}
	}
}

// badAt makes a node that says what is wrong at an offset of another.
func (w *walk) badAt(i int, off uintptr, why string) {
	n := w.nodes[i]
	to := w.node(nodeKey{at: at(n.at, off), layout: n.layout, kind: closureNode, count: -1})
	w.nodes[to].extra = &extra{why: why}
	w.edge(to, off)
}

// syncMap is the count of a node that is a sync.Map, not a map.
const syncMap = 2

// sharedString is the length in bytes from which on strings that share memory still do after they were kept.
const sharedString = 1024

var (
	byteType   = reflect.TypeFor[byte]()
	anyMapType = reflect.TypeFor[map[any]any]()
)

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// pointer is the node that a pointer to count values of a layout leads to. ok is false where it leads to none: it is nil,
// leads to something without size, or to what is known by name.
func (w *walk) pointer(p unsafe.Pointer, l *layout, count int) (to int32, ok bool) {
	if p == nil || count == 0 {
		return 0, false
	}
	if _, ok := w.globals.name(p); ok {
		return 0, false
	}
	w.ls.readied(l)
	if l.size == 0 {
		return 0, false
	}
	if l.keeper == pointerKeeper && count == 1 {
		return w.node(nodeKey{at: p, layout: l, kind: keeperNode, count: 1}), true
	}
	if t, n := flat(l.typ, count); t != l.typ {
		l, count = w.ls.of(t), n
		if count == 0 || l.size == 0 {
			return 0, false
		}
	}
	return w.node(nodeKey{at: p, layout: l, count: count}), true
}

// dynamic is the type of what an interface at q holds, and where its value is. t is nil for a nil interface.
func dynamic(o *op, q unsafe.Pointer) (t reflect.Type, word unsafe.Pointer) {
	i := (*iface)(q)
	if i.tab == nil {
		return nil, nil
	}
	if o.typ.NumMethod() == 0 {
		return typeOf(i.tab), at(q, ptrSize)
	}
	return typeOf((*itab)(i.tab).typ), at(q, ptrSize)
}

// itab is the beginning of internal/abi.ITab.
type itab struct{ inter, typ unsafe.Pointer }

// inlined says whether a value in an interface is encoded in its place: it has no identity and is short.
func inlined(l *layout) bool { return l.plain && l.size <= 128 }

func (w *walk) scanInterface(i int, o *op, q unsafe.Pointer, off uintptr) {
	t, word := dynamic(o, q)
	if t == nil {
		return
	}
	l := w.ls.of(t)
	switch {
	case l.direct:
		w.scan(i, l, word, off)
	case l.size == 0:
	case inlined(l):
		w.scan(i, l, *(*unsafe.Pointer)(word), off)
	default:
		t, n := flat(t, 1)
		w.edge(w.node(nodeKey{at: *(*unsafe.Pointer)(word), layout: w.ls.of(t), count: n}), off)
	}
}

func (w *walk) scanFunc(i int, f unsafe.Pointer, off uintptr) {
	if f == nil {
		return
	}
	if _, ok := w.globals.name(f); ok {
		return
	}
	pc := *(*uintptr)(f)
	name := w.code.name(pc)
	if w.code.static(f) {
		switch {
		case w.code.nameable(name):
		case name == "" || hasSuffix(name, "[...]"):
			w.badAt(i, off, "a generic function")
		default:
			w.badAt(i, off, "a function that has no name of its own ("+name+")")
		}
		return
	}
	to := w.node(nodeKey{at: f, layout: w.ls.of(funcType), kind: closureNode, count: 1})
	w.edge(to, off)
}

var funcType = reflect.TypeFor[func()]()

// scanClosure finds what a function captures.
func (w *walk) scanClosure(i int, n node) {
	if n.count < 0 { // badAt
		return
	}
	name := w.code.name(*(*uintptr)(n.at))
	x := &extra{code: name}
	w.nodes[i].extra = x
	m, ok := w.code.maker(name)
	switch {
	case ok && hasSuffix(name, methodValueSuffix) && len(m.in) == 1:
		x.holds = []held{{w.ls.of(m.in[0]), at(n.at, ptrSize)}}
	case ok && !hasSuffix(name, methodValueSuffix):
		if !w.sameClosure(n.at, m) {
			x.why = "a function with variables of its own (" + name + ")"
			return
		}
		for k, in := range m.in {
			x.holds = append(x.holds, held{w.ls.of(in), at(n.at, ptrSize*uintptr(k+1))})
		}
	case hasSuffix(name, methodValueSuffix):
		x.why = "a method of a value (" + name[:len(name)-len(methodValueSuffix)] + ")"
		return
	default:
		x.why = "a function with variables of its own (" + name + ")"
		return
	}
	for _, h := range x.holds {
		w.scan(i, h.layout, h.at, 0)
	}
}

// sameClosure says whether a literal's maker, given what the closure holds, makes a closure of the same memory.
func (w *walk) sameClosure(f unsafe.Pointer, m maker) bool {
	in := make([]reflect.Value, len(m.in))
	for k, typ := range m.in {
		if typ.Kind() != reflect.Pointer {
			return false
		}
		in[k] = reflect.NewAt(typ, at(f, ptrSize*uintptr(k+1))).Elem()
	}
	other := m.make(in)
	for k := range len(in) + 1 {
		if *(*uintptr)(at(f, ptrSize*uintptr(k))) != *(*uintptr)(at(other, ptrSize*uintptr(k))) {
			return false
		}
	}
	return true
}

// scanMap copies a map's entries and follows them.
func (w *walk) scanMap(i int, n node) {
	var e *entries
	if n.count == syncMap {
		e = w.syncEntries((*sync.Map)(n.at))
	} else {
		e = w.mapEntries(n)
	}
	w.nodes[i].extra = &extra{entries: e}
	for k := range e.n {
		if !e.key.raw {
			w.scan(i, e.key, at(e.keys, uintptr(k)*e.key.size), uintptr(2*k))
		}
		if !e.elem.raw {
			w.scan(i, e.elem, at(e.elems, uintptr(k)*e.elem.size), uintptr(2*k+1))
		}
	}
}

func (w *walk) newEntries(key, elem reflect.Type, n int) *entries {
	e := &entries{key: w.ls.of(key), elem: w.ls.of(elem)}
	e.keysV = reflect.MakeSlice(reflect.SliceOf(key), n, n)
	e.elemsV = reflect.MakeSlice(reflect.SliceOf(elem), n, n)
	e.keys, e.elems = e.keysV.UnsafePointer(), e.elemsV.UnsafePointer()
	return e
}

func (w *walk) mapEntries(n node) *entries {
	t := n.layout.typ
	p := n.at
	m := reflect.NewAt(t, unsafe.Pointer(&p)).Elem()
	e := w.newEntries(t.Key(), t.Elem(), m.Len())
	for it := m.MapRange(); it.Next() && e.n < e.keysV.Len(); e.n++ {
		e.keysV.Index(e.n).SetIterKey(it)
		e.elemsV.Index(e.n).SetIterValue(it)
	}
	return e
}

func (w *walk) syncEntries(m *sync.Map) *entries {
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	e := w.newEntries(anyMapType.Key(), anyMapType.Elem(), n)
	m.Range(func(k, v any) bool {
		if e.n == n {
			return false
		}
		*(*any)(at(e.keys, uintptr(e.n)*e.key.size)), *(*any)(at(e.elems, uintptr(e.n)*e.elem.size)) = k, v
		e.n++
		return true
	})
	return e
}

// scanKeeper asks a value for its stand-in and follows that.
func (w *walk) scanKeeper(i int, n node) {
	x := &extra{}
	w.nodes[i].extra = x
	standIn, err := standInOf(n.layout, n.at)
	if err != nil {
		x.why = n.layout.typ.String() + ": " + oneLine(err.Error())
		return
	}
	if _, ok := standIn.(restorer); !ok {
		x.why = n.layout.typ.String() + ": its stand-in has no method Restored() (any, error)"
		return
	}
	x.standIn = standIn
	w.scanInterface(i, &anyOp, unsafe.Pointer(&x.standIn), 0)
}

var anyOp = op{kind: opIface, typ: reflect.TypeFor[any]()}
