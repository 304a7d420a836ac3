package keep

import (
	"reflect"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// typeTable gathers the types that one file refers to.
type typeTable struct {
	p     *printer
	index map[reflect.Type]int
	list  []reflect.Type
	w     store.Writer
}

const (
	typeBasic   = iota // by name
	typeFound          // by text and fingerprint
	typePointer        // to the type of the index that follows, as below
	typeSlice          //
	typeArray          // length, element
	typeMap            // key, element
)

// add is the index of a type in the table. The types that it is made of come before it.
func (tt *typeTable) add(t reflect.Type) int {
	if i, ok := tt.index[t]; ok {
		return i
	}
	switch {
	case t.Name() != "" && t.PkgPath() == "":
		tt.w.Uint(typeBasic)
		tt.w.Text(t.Name())
	case isComposite(t) && t.Kind() == reflect.Pointer:
		elem := tt.add(t.Elem())
		tt.w.Uint(typePointer)
		tt.w.Uint(uint64(elem))
	case isComposite(t) && t.Kind() == reflect.Slice:
		elem := tt.add(t.Elem())
		tt.w.Uint(typeSlice)
		tt.w.Uint(uint64(elem))
	default:
		tt.w.Uint(typeFound)
		tt.w.Text(expr(t))
		tt.w.Uint(tt.p.of(t))
	}
	tt.index[t] = len(tt.list)
	tt.list = append(tt.list, t)
	return len(tt.list) - 1
}

// readTypes reads a table of types. A type that this program has not is nil in it, and lost says of which it is, and how.
func readTypes(r *store.Reader, f *finder, p *printer) (list []reflect.Type, lost map[int]loss) {
	lost = map[int]loss{}
	for i := range r.Count() {
		t, l := readType(r, f, p, list, lost)
		if t == nil && l.what == "" {
			r.Fail()
		}
		if r.Failed() {
			return nil, nil
		}
		if t == nil {
			lost[i] = l
		}
		list = append(list, t)
	}
	return list, lost
}

// A loss is what a program lacks to bring a value back.
type loss struct {
	what    string
	changed bool // it has another of the same name
}

func readType(r *store.Reader, f *finder, p *printer, list []reflect.Type, lost map[int]loss) (t reflect.Type, l loss) {
	defer func() { // of what reflect makes no type
		if recover() != nil {
			t, l = nil, loss{}
		}
	}()
	part := func() reflect.Type {
		i := r.Uint()
		if i >= uint64(len(list)) {
			r.Fail()
			return nil
		}
		if list[i] == nil {
			l = lost[int(i)]
		}
		return list[i]
	}
	switch r.Uint() {
	case typeBasic:
		return basicType(r.Text()), l
	case typeFound:
		text, print := r.Text(), r.Uint()
		t, changed := f.find(p, text, print)
		return t, loss{what: "its type " + plainExpr(text), changed: changed}
	case typePointer:
		if e := part(); e != nil {
			return reflect.PointerTo(e), l
		}
	case typeSlice:
		if e := part(); e != nil {
			return reflect.SliceOf(e), l
		}
	}
	return nil, l
}

func basicType(name string) reflect.Type {
	for _, t := range [...]reflect.Type{
		reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[error](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
		reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
		reflect.TypeFor[complex64](), reflect.TypeFor[complex128](), reflect.TypeFor[unsafe.Pointer](),
	} {
		if t.Name() == name {
			return t
		}
	}
	return nil
}
