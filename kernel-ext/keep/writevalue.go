package keep

import (
	"reflect"
	"slices"
	"unsafe"
)

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
	if i, ok := e.w.lookup(k); ok && e.w.nodes[i].thing >= 0 {
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
	if count > 0 && e.global(p, refGlobal) {
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
	i, ok := e.w.lookup(k)
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
	} else if !slices.Contains(e.standingIn, t) {
		e.standingIn = append(e.standingIn, t)
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
	if e.shared && e.now >= 0 && len(e.types.p.madeOf(t)) > 0 {
		in := typeInside{e.order[e.now], t}
		if n := len(e.inside); n == 0 || e.inside[n-1] != in {
			e.inside = append(e.inside, in)
		}
	}
	if t.Name() != "" && t.PkgPath() == "" || e.inDynamic[t] {
		return
	}
	e.inDynamic[t] = true
	e.dynamic = append(e.dynamic, t)
}

// global writes a pointer that is a global's, behind what says so, and tells whether it is one.
func (e *encoder) global(p unsafe.Pointer, tag uint64) bool {
	name, ok := e.w.globals.name(p)
	if ok {
		e.out.Uint(tag)
		e.out.Uint(uint64(e.names.add(name)))
	}
	return ok
}

func (e *encoder) mapRef(m unsafe.Pointer, o *op) {
	if m == nil {
		e.out.Uint(refNil)
		return
	}
	if e.global(m, refGlobal) {
		return
	}
	i, ok := e.w.lookup(nodeKey{at: m, layout: e.w.ls.of(o.typ), kind: mapNode, count: 1})
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
	if e.global(f, funcGlobal) {
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
