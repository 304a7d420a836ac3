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

// Error implements error.
func (e *standInError) Error() string { return e.what + ": " + oneLine(e.err.Error()) }

// Unwrap returns what the stand-in has said.
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
