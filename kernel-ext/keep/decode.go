package keep

import (
	"reflect"
	"sync"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// A decoder brings one cluster back. Memory is made first, all of it, so that pointers have something to point to; then it is
// filled; then, step by step, what has to be made by calls: closures, maps, values with stand-ins. Pointers to what a step
// makes are set when it is made.
type decoder struct {
	ls     *layouts
	code   *code
	names  globals
	finder *finder
	print  *printer
	block  func(number int, size uintptr, into unsafe.Pointer) (unsafe.Pointer, error)

	types   []reflect.Type
	lost    map[int]loss // types
	codes   []string     // names of functions
	prints  []uint64     // fingerprints of their types, 0 for those that are found by name alone
	globals []string
	vars    []decodedVar
	things  []decoded
	steps   []int32
	tables  map[[2]reflect.Type]unsafe.Pointer // first words of interfaces
	in      *store.Reader                      // the content that is read now
	dry     bool                               // nothing is written: what is read is only asked for what it refers to
	links   []int32                            // dry: things that are referred to
	lack    loss                               // dry: what is referred to and not there
	found   map[int]unsafe.Pointer             // functions, by their numbers
}

// decodedVar is a variable as the file has it.
type decodedVar struct {
	name  string
	typ   int // number of its type
	thing int // or -1
}

// decoded is a thing that is brought back.
type decoded struct {
	content []byte
	layout  *layout // nil if its type is not there
	base    unsafe.Pointer
	size    uintptr
	count   int
	typ     int32 // number of its type, or -1
	number  int32 // one more than the index in vars of the variable whose memory it is; of a closure that of its function
	head    uint8
	done    bool // base is there
	missing bool // it cannot be brought back, or leads to what cannot
	pointer bool // what has a stand-in is known by a pointer
	later   *later
}

// later is what is done when a thing is made by a call.
type later struct {
	block   int
	patches []patch
	places  []unsafe.Pointer // of a value with a stand-in, in other memory
	maps    unsafe.Pointer   // of a sync.Map
	made    reflect.Value
}

// after is a thing's later.
func (t *decoded) after() *later {
	if t.later == nil {
		t.later = &later{}
	}
	return t.later
}

// patch is a pointer that is set later.
type patch struct {
	at  unsafe.Pointer
	off uintptr
}

// errFile is the error for content that no encoder has written.
var errFile = plainError("the kept values are damaged: a file is not as this program writes it")

// open reads all of a file but the contents of its things.
func (d *decoder) open(file []byte) error {
	if len(file) < len(fileMagic) || string(file[:len(fileMagic)]) != fileMagic {
		return errFile
	}
	r := store.NewReader(file[len(fileMagic):])
	d.types, d.lost = readTypes(r, d.finder, d.print)
	for range r.Count() {
		d.codes, d.prints = append(d.codes, r.Text()), append(d.prints, r.Uint())
	}
	d.globals = r.Texts()
	for range r.Count() {
		d.vars = append(d.vars, decodedVar{name: r.Text(), typ: d.number(r, len(d.types)), thing: int(r.Uint()) - 1})
	}
	n := r.Count()
	lengths := make([]int, 0, n)
	for range n {
		t, length := d.head(r)
		if r.Failed() {
			return errFile
		}
		d.things = append(d.things, t)
		lengths = append(lengths, length)
	}
	for i := range d.vars {
		if v := &d.vars[i]; v.thing < -1 || v.thing >= n {
			return errFile
		}
	}
	for range r.Count() {
		d.steps = append(d.steps, int32(d.number(r, n)))
	}
	for i := range d.things {
		t := &d.things[i]
		t.content = r.Raw(lengths[i])
		if t.head == headRaw && uintptr(len(t.content)) != t.size ||
			t.head == headMemory && t.layout != nil && t.count > len(t.content)/max(t.layout.least, 1) {
			return errFile
		}
	}
	if r.Failed() || r.Left() != 0 {
		return errFile
	}
	return nil
}

// number reads a number that must be below n.
func (d *decoder) number(r *store.Reader, n int) int {
	i := r.Uint()
	if i >= uint64(n) {
		r.Fail()
		return 0
	}
	return int(i)
}

// mostOfMemory bounds the size in bytes of a piece of memory.
const mostOfMemory = 1 << 44

func (d *decoder) head(r *store.Reader) (t decoded, length int) {
	t = decoded{head: uint8(min(r.Uint(), 255)), typ: -1}
	withType := func() {
		if t.typ = int32(d.number(r, len(d.types))); !r.Failed() && d.types[t.typ] != nil {
			t.layout = d.ls.of(d.types[t.typ])
		}
	}
	switch t.head {
	case headRaw, headBlock:
		t.size = uintptr(min(r.Uint(), mostOfMemory))
		t.number = int32(d.number(r, len(d.vars)+1))
		if t.head == headBlock {
			t.after().block = int(min(r.Uint(), 1<<32))
		}
	case headMemory:
		withType()
		t.count = int(min(r.Uint(), mostOfMemory))
		t.number = int32(d.number(r, len(d.vars)+1))
		if t.layout != nil {
			t.size = t.layout.size * uintptr(t.count)
		}
	case headMap:
		withType()
		if t.layout != nil && t.layout.typ.Kind() != reflect.Map {
			r.Fail()
		}
	case headKeeper:
		withType()
		t.pointer = r.Uint() == 1
		if t.layout != nil {
			t.size = t.layout.size
			if t.layout.keeper == notAKeeper || (t.layout.keeper == pointerKeeper) != t.pointer {
				d.lost[int(t.typ)] = loss{what: "the way in which its type " + t.layout.typ.String() + " is kept", changed: true}
				t.layout = nil
			}
		}
	case headClosure:
		t.number = int32(d.number(r, len(d.codes)))
	case headSyncMap:
		t.layout = d.ls.of(anyMapType)
	default:
		r.Fail()
	}
	return t, int(min(r.Uint(), uint64(r.Left())+1))
}

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

// restore makes and fills all things that are not missing. live is where the variable of an index of vars lies, or nil if
// its memory is to be made.
func (d *decoder) restore(live func(v int) unsafe.Pointer) error {
	for i := range d.things {
		if t := &d.things[i]; !t.missing {
			if err := d.allocate(t, live); err != nil {
				return err
			}
		}
	}
	for i := range d.things {
		t := &d.things[i]
		if t.missing || t.head != headMemory {
			continue
		}
		d.in = store.NewReader(t.content)
		for e := range t.count {
			d.value(t.layout, at(t.base, uintptr(e)*t.layout.size))
		}
		if d.in.Failed() || d.in.Left() != 0 {
			return errFile
		}
	}
	for _, i := range d.steps {
		t := &d.things[i]
		if t.missing {
			continue
		}
		d.in = store.NewReader(t.content)
		if err := d.step(t); err != nil {
			return err
		}
		if d.in.Failed() || d.in.Left() != 0 {
			return errFile
		}
	}
	for i := range d.things {
		if t := &d.things[i]; !t.missing && !t.done && (t.head == headKeeper || t.later != nil && len(t.later.patches) > 0) {
			return errFile
		}
	}
	return nil
}

func (d *decoder) allocate(t *decoded, live func(v int) unsafe.Pointer) error {
	var own unsafe.Pointer
	if t.number > 0 && t.head != headClosure {
		own = live(int(t.number) - 1)
	}
	switch t.head {
	case headRaw:
		if own == nil {
			own = newBytes(t.size)
		}
		copy(bytesAt(own, t.size), t.content)
		t.base = own
	case headBlock:
		base, err := d.block(t.after().block, t.size, own)
		if err != nil {
			return err
		}
		t.base = base
	case headMemory:
		if own == nil {
			own = newValues(t.layout.typ, t.count)
		}
		t.base = own
	case headMap:
		t.base = reflect.MakeMapWithSize(t.layout.typ, 0).UnsafePointer()
	default:
		return nil
	}
	t.done = true
	return nil
}

// newBytes is memory without pointers, aligned for every type.
func newBytes(n uintptr) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, (n+7)/8)))
}

func newValues(t reflect.Type, n int) unsafe.Pointer {
	if n == 1 {
		return reflect.New(t).UnsafePointer()
	}
	return reflect.MakeSlice(reflect.SliceOf(t), n, n).UnsafePointer()
}

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
	if maker, ok := d.code.maker(name); ok && maker.Type().NumIn() > 0 {
		f = maker.UnsafePointer()
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

// closure makes a function with what it captures, which is read. It is nil if that cannot be, or where nothing is written.
func (d *decoder) closure(t *decoded) unsafe.Pointer {
	f, lost := d.function(int(t.number))
	name := d.codes[t.number]
	maker, ok := d.code.maker(name)
	n := d.in.Count()
	var in []reflect.Value
	for i := range n {
		typ := d.number(d.in, len(d.types))
		if d.in.Failed() {
			return nil
		}
		if f == nil || d.types[typ] == nil || ok && (i >= maker.Type().NumIn() || maker.Type().In(i) != d.types[typ]) {
			if f != nil {
				lost = loss{what: "the function " + name, changed: true}
			}
			d.missed(lost)
			d.in.Fail()
			return nil
		}
		if d.dry {
			d.value(d.ls.of(d.types[typ]), nil)
			continue
		}
		v := reflect.New(d.types[typ])
		d.value(d.ls.of(d.types[typ]), v.UnsafePointer())
		in = append(in, v.Elem())
	}
	switch {
	case d.dry || d.in.Failed():
		return nil
	case ok && n == maker.Type().NumIn():
		made := maker.Call(in)[0].Interface()
		return efaceOf(&made).data
	case !ok && n == 1 && hasSuffix(name, methodValueSuffix):
		return methodValue(*(*uintptr)(f), in[0])
	}
	d.in.Fail()
	return nil
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

// step makes a thing that is made by a call, or fills a map.
func (d *decoder) step(t *decoded) error {
	switch t.head {
	case headClosure:
		if t.base = d.closure(t); t.base == nil || d.in.Failed() {
			return errFile
		}
	case headMap, headSyncMap:
		return d.fill(t)
	case headKeeper:
		var standIn any
		d.iface(&anyOp, unsafe.Pointer(&standIn))
		if d.in.Failed() {
			return errFile
		}
		v, err := restored(t.layout, standIn)
		if err != nil {
			return &standInError{what: t.layout.typ.String(), err: err}
		}
		t.after().made = v
		if t.pointer {
			t.base = v.UnsafePointer()
		}
		for _, q := range t.later.places {
			t.put(q)
		}
		t.later.places = nil
	default:
		return errFile
	}
	t.done = true
	for _, p := range t.after().patches {
		if t.base == nil {
			return errFile
		}
		*(*unsafe.Pointer)(p.at) = at(t.base, p.off)
	}
	t.later.patches = nil
	return nil
}

// standInError is the error of a value that does not come back.
type standInError struct {
	what string
	err  error
}

func (e *standInError) Error() string { return e.what + ": " + oneLine(e.err.Error()) }
func (e *standInError) Unwrap() error { return e.err }

func (d *decoder) fill(t *decoded) error {
	key, elem := t.layout.typ.Key(), t.layout.typ.Elem()
	kl, el := d.ls.of(key), d.ls.of(elem)
	n := d.in.Count()
	if t.head == headSyncMap {
		if t.later == nil || t.later.maps == nil {
			return errFile
		}
		for range n {
			var k, v any
			d.value(kl, unsafe.Pointer(&k))
			d.value(el, unsafe.Pointer(&v))
			if d.in.Failed() || !reflect.TypeOf(k).Comparable() {
				return errFile
			}
			(*sync.Map)(t.later.maps).Store(k, v)
		}
		t.done = true
		return nil
	}
	base := t.base
	m := reflect.NewAt(t.layout.typ, unsafe.Pointer(&base)).Elem()
	k, v := reflect.New(key), reflect.New(elem)
	for range n {
		k.Elem().SetZero()
		v.Elem().SetZero()
		d.value(kl, k.UnsafePointer())
		d.value(el, v.UnsafePointer())
		if d.in.Failed() {
			return errFile
		}
		m.SetMapIndex(k.Elem(), v.Elem())
	}
	return nil
}
