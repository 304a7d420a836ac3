package keep

import (
	"reflect"
	"unsafe"
)

// value reads a value of a layout into p, or looks at what it refers to if p is nil.
func (d *decoder) value(l *layout, p unsafe.Pointer) {
	for k := range l.ops {
		o := &l.ops[k]
		var q unsafe.Pointer
		if p != nil {
			q = at(p, o.off)
		}
		switch o.kind {
		case opRaw:
			if b := d.in.Raw(int(o.size)); q != nil && b != nil {
				copy(bytesAt(q, o.size), b)
			}
		case opString:
			d.text((*text)(q))
		case opPtr:
			d.pointer(q, d.ls.readied(o.to).size)
		case opSlice:
			d.slice((*slice)(q), d.ls.readied(o.to).size)
		case opIface:
			d.iface(o, q)
		case opMap:
			d.mapRef(q, o.typ)
		case opFunc:
			d.funcRef(q, o.typ)
		case opType:
			if n := d.in.Uint(); n == 0 {
			} else if n > uint64(len(d.types)) {
				d.in.Fail()
			} else if t := d.types[n-1]; t == nil {
				d.missed(d.lost[int(n-1)])
			} else if q != nil {
				*(*unsafe.Pointer)(q) = descriptor(t)
			}
		case opArray:
			for i := range o.n {
				if q == nil {
					d.value(o.to, nil)
				} else {
					d.value(o.to, at(q, uintptr(i)*o.to.size))
				}
			}
		case opTime:
			if b := d.in.Raw(int(timeNumbers)); q != nil && b != nil {
				copy(bytesAt(q, timeNumbers), b)
			}
			if q == nil {
				d.pointer(nil, d.ls.readied(o.to).size)
			} else {
				d.pointer(at(q, timeNumbers), d.ls.readied(o.to).size)
			}
		case opKeeper:
			d.place(q, o.to)
		case opMarshal:
			b := d.in.Raw(d.in.Count())
			if q == nil || d.in.Failed() {
			} else if err := unmarshalled(o.to.typ, q, b); err != nil {
				d.in.Fail()
			}
		case opSyncMap:
			if n := d.number(d.in, len(d.things)); d.in.Failed() || d.things[n].head != headSyncMap {
				d.in.Fail()
			} else if q == nil {
				d.links = append(d.links, int32(n))
			} else {
				d.things[n].after().maps = q
			}
		case opPad:
			d.in.Uint()
		}
		if d.in.Failed() {
			return
		}
	}
}

func (d *decoder) text(q *text) {
	n := d.in.Uint()
	if n&1 == 0 {
		if n>>1 > uint64(d.in.Left()) {
			d.in.Fail()
			return
		}
		if b := d.in.Raw(int(n >> 1)); q != nil && len(b) > 0 {
			q.data, q.len = unsafe.Pointer(unsafe.SliceData(b)), len(b)
		}
		return
	}
	if n>>1 > mostOfMemory {
		d.in.Fail()
		return
	}
	if q == nil {
		d.pointer(nil, uintptr(n>>1))
		return
	}
	d.pointer(unsafe.Pointer(&q.data), uintptr(n>>1))
	q.len = int(n >> 1)
}

// pointer reads a reference to size bytes at least, into q if that is not nil. It returns how the reference began.
func (d *decoder) pointer(q unsafe.Pointer, size uintptr) uint64 {
	kind := d.in.Uint()
	switch kind {
	case refNil:
	case refEmpty:
		if q != nil {
			*(*unsafe.Pointer)(q) = unsafe.Pointer(&struct{}{})
		}
	case refGlobal:
		d.global(q)
	default:
		n, off := kind-refThing, uintptr(d.in.Uint())
		if n >= uint64(len(d.things)) || d.in.Failed() {
			d.in.Fail()
			return kind
		}
		t := &d.things[n]
		if q == nil {
			d.links = append(d.links, int32(n))
			return kind
		}
		if t.missing || t.size < size || off > t.size-size {
			d.in.Fail()
			return kind
		}
		d.point(q, t, off)
	}
	return kind
}

// point sets a pointer to a thing, now or when it is made.
func (d *decoder) point(q unsafe.Pointer, t *decoded, off uintptr) {
	if t.done {
		*(*unsafe.Pointer)(q) = at(t.base, off)
		return
	}
	t.after().patches = append(t.after().patches, patch{at: q, off: off})
}

func (d *decoder) global(q unsafe.Pointer) {
	n := d.number(d.in, len(d.globals))
	if d.in.Failed() {
		return
	}
	p := d.names.byName[d.globals[n]]
	if p == nil {
		d.missed(loss{what: d.globals[n]})
	} else if q != nil {
		*(*unsafe.Pointer)(q) = p
	}
}

func (d *decoder) slice(q *slice, elem uintptr) {
	var whole slice
	start := *d.in // the length and the capacity stand behind the reference, which is checked by them
	kind := d.in.Uint()
	switch kind {
	case refNil:
		return
	case refGlobal:
		d.in.Fail()
		return
	case refEmpty:
	default:
		d.in.Uint()
	}
	n, c := d.in.Uint(), d.in.Uint()
	if n > c || c > mostOfMemory || kind != refEmpty && elem != 0 && c > mostOfMemory/uint64(elem) || kind == refEmpty && elem != 0 && c != 0 {
		d.in.Fail()
	}
	if d.in.Failed() {
		return
	}
	end := *d.in
	*d.in = start
	if q == nil {
		d.pointer(nil, elem*uintptr(c))
	} else {
		d.pointer(unsafe.Pointer(&q.data), elem*uintptr(c))
		whole.len, whole.cap = int(n), int(c)
		q.len, q.cap = whole.len, whole.cap
	}
	if !d.in.Failed() {
		*d.in = end
	}
}

func (d *decoder) iface(o *op, q unsafe.Pointer) {
	n := d.in.Uint()
	if n == 0 {
		return
	}
	if n > uint64(len(d.types)) {
		d.in.Fail()
		return
	}
	t := d.types[n-1]
	if t == nil { // what follows cannot be read, but nothing that is read after it matters: the thing cannot be brought back
		d.missed(d.lost[int(n-1)])
		d.in.Fail()
		return
	}
	if o.typ.NumMethod() > 0 && !t.Implements(o.typ) {
		if q != nil {
			d.in.Fail()
			return
		}
		d.missed(loss{what: "the methods of its type " + t.String()})
	}
	l := d.ls.of(t)
	if q == nil {
		switch {
		case l.direct || inlined(l):
			d.value(l, nil)
		case l.size > 0:
			d.pointer(nil, l.size)
		}
		return
	}
	i := (*iface)(q)
	i.tab = d.tableOf(o.typ, t)
	switch {
	case l.direct:
		d.value(l, at(q, ptrSize))
	case l.size == 0:
		i.data = unsafe.Pointer(&struct{}{})
	case inlined(l):
		if d.in.Left() < l.least {
			d.in.Fail()
			return
		}
		box := reflect.New(t).UnsafePointer()
		d.value(l, box)
		i.data = box
	default:
		d.pointer(at(q, ptrSize), l.size)
	}
}

// tableOf is the first word of an interface of type in that holds a value of type t, which implements it.
func (d *decoder) tableOf(in, t reflect.Type) unsafe.Pointer {
	if in.NumMethod() == 0 {
		return descriptor(t)
	}
	key := [2]reflect.Type{in, t}
	tab := d.tables[key]
	if tab == nil {
		v := reflect.New(in)
		v.Elem().Set(reflect.Zero(t))
		tab = (*iface)(v.UnsafePointer()).tab
		if d.tables == nil {
			d.tables = map[[2]reflect.Type]unsafe.Pointer{}
		}
		d.tables[key] = tab
	}
	return tab
}

func (d *decoder) mapRef(q unsafe.Pointer, t reflect.Type) {
	kind := d.in.Uint()
	switch kind {
	case refNil:
		return
	case refGlobal:
		d.global(q)
		return
	}
	n := kind - refThing
	if kind < refThing || n >= uint64(len(d.things)) || d.things[n].head != headMap {
		d.in.Fail()
		return
	}
	if q == nil {
		d.links = append(d.links, int32(n))
		return
	}
	th := &d.things[n]
	if th.missing || th.layout.typ != t && !th.layout.typ.ConvertibleTo(t) {
		d.in.Fail()
		return
	}
	d.point(q, th, 0)
}

func (d *decoder) funcRef(q unsafe.Pointer, t reflect.Type) {
	switch d.in.Uint() {
	case funcNil:
	case funcGlobal:
		d.global(q)
	case funcStatic:
		n := d.number(d.in, len(d.codes))
		if d.in.Failed() {
			return
		}
		f, lost := d.function(n)
		if of := reflect.TypeOf(d.code.byName[d.codes[n]]); f != nil && of != nil && !of.ConvertibleTo(t) {
			f, lost = nil, loss{what: "the function " + d.codes[n], changed: true}
		}
		if f == nil {
			d.missed(lost)
		} else if q != nil {
			*(*unsafe.Pointer)(q) = f
		}
	case funcClosure:
		n := d.number(d.in, len(d.things))
		if d.in.Failed() || d.things[n].head != headClosure {
			d.in.Fail()
		} else if q == nil {
			d.links = append(d.links, int32(n))
		} else {
			d.point(q, &d.things[n], 0)
		}
	default:
		d.in.Fail()
	}
}

// closure makes a function with what it captures, which is read. It is nil if that cannot be, or where nothing is written.
func (d *decoder) closure(t *decoded) unsafe.Pointer {
	f, lost := d.function(int(t.number))
	name := d.codes[t.number]
	m, ok := d.code.maker(name)
	n := d.in.Count()
	if f != nil && (!ok || n != len(m.in)) {
		f, lost = nil, loss{what: "the function " + name, changed: true}
	}
	var in []reflect.Value
	for i := range n {
		typ := d.number(d.in, len(d.types))
		if d.in.Failed() {
			return nil
		}
		if f != nil && m.in[i] != d.types[typ] {
			f, lost = nil, loss{what: "the function " + name, changed: true}
		}
		if f == nil {
			d.missed(lost)
			d.in.Fail()
			return nil
		}
		if d.dry {
			d.value(d.ls.of(m.in[i]), nil)
			continue
		}
		v := reflect.New(m.in[i])
		d.value(d.ls.of(m.in[i]), v.UnsafePointer())
		in = append(in, v.Elem())
	}
	if f == nil {
		d.missed(lost)
	}
	if f == nil || d.dry || d.in.Failed() {
		return nil
	}
	return m.make(in)
}

// place notes where a value with a stand-in lies, or puts it there.
func (d *decoder) place(q unsafe.Pointer, l *layout) {
	n := d.number(d.in, len(d.things))
	if d.in.Failed() || d.things[n].head != headKeeper {
		d.in.Fail()
		return
	}
	if q == nil {
		d.links = append(d.links, int32(n))
		return
	}
	t := &d.things[n]
	switch {
	case t.missing || t.layout != l:
		d.in.Fail()
	case t.done:
		t.put(q)
	default:
		t.after().places = append(t.after().places, q)
	}
}

// put copies what was made of a stand-in to its place.
func (t *decoded) put(q unsafe.Pointer) {
	v := t.later.made
	if t.pointer {
		v = v.Elem()
	}
	reflect.NewAt(t.layout.typ, q).Elem().Set(v)
}
