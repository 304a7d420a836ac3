package keep

import (
	"reflect"
)

// A layout says what lies where in a value of a type, so that walking, writing and reading follow one description.
type layout struct {
	typ   reflect.Type
	size  uintptr
	ready bool // ops and what follows are there; a layout behind a pointer is filled in when it is used

	ops    []op
	raw    bool // numbers only: its bytes are its value
	plain  bool // numbers and strings only: it holds nothing that has an identity
	direct bool // an interface holds the value itself where it holds a pointer to others
	least  int  // bytes that an encoded value takes at least, > 0 where size is

	keeper  keeping
	adapter func(any) (any, error) // for a keeper of a foreign type
}

// keeping says how a type takes part by a stand-in.
type keeping uint8

const (
	notAKeeper keeping = iota
	valueKeeper
	pointerKeeper
)

// An op is a part of a layout.
type op struct {
	kind opKind
	off  uintptr
	size uintptr // opRaw, opZero: bytes
	n    int     // opArray: elements
	to   *layout // opPtr, opSlice, opArray, opKeeper, opMarshal: of one element; opMap: of the map
	typ  reflect.Type
	why  string // opZero: what it is when it is not zero
}

type opKind uint8

const (
	opRaw     opKind = iota // numbers
	opString                //
	opPtr                   // a pointer to a value of layout to
	opSlice                 //
	opIface                 // an interface of type typ
	opMap                   // a map of type typ
	opFunc                  // a function of type typ
	opType                  // a pointer to a type's descriptor: the value of a reflect.Type
	opArray                 // n values with pointers
	opTime                  // a time.Time
	opKeeper                // a value that is kept by a stand-in, in its place
	opMarshal               // a value that holds unique handles and goes by its MarshalBinary
	opSyncMap               // a sync.Map
	opZero                  // nothing can be kept here; it must be zero
	opPad                   // takes a byte, so that no value takes none
)

// layouts has the layouts of a program's types.
type layouts struct {
	byType   map[reflect.Type]*layout
	adapters map[reflect.Type]func(any) (any, error)
}

func newLayouts(adapters []Foreign) *layouts {
	ls := &layouts{byType: map[reflect.Type]*layout{}, adapters: map[reflect.Type]func(any) (any, error){}}
	for _, f := range adapters {
		if a, ok := f.(Adapter); ok {
			ls.adapters[a.Type] = a.Kept
		}
	}
	return ls
}

// of is the layout of a type, ready for use.
func (ls *layouts) of(t reflect.Type) *layout { return ls.readied(ls.later(t)) }

// later is the layout of a type, which may not be ready.
func (ls *layouts) later(t reflect.Type) *layout {
	l := ls.byType[t]
	if l == nil {
		l = &layout{typ: t, size: t.Size()}
		ls.byType[t] = l
	}
	return l
}

func (ls *layouts) readied(l *layout) *layout {
	if l.ready {
		return l
	}
	l.keeper, l.adapter = ls.keeping(l.typ)
	if l.keeper != notAKeeper {
		l.ops = []op{{kind: opKeeper, to: l}}
	} else {
		ls.add(l, l.typ, 0)
	}
	l.raw, l.plain = true, true
	for _, o := range l.ops {
		switch o.kind {
		case opRaw:
			l.least += int(o.size)
		case opString:
			l.raw = false
			l.least++
		case opArray:
			l.raw, l.plain = false, l.plain && o.to.plain
			l.least += o.n * o.to.least
		case opZero:
			l.raw, l.plain = false, false
		default:
			l.raw, l.plain = false, false
			l.least++
		}
	}
	if covered := len(l.ops) == 1 && l.ops[0].size == l.size; l.raw && !covered {
		l.raw, l.ops = true, []op{{kind: opRaw, size: l.size}} // what lies between numbers goes with them
		l.least = int(l.size)
	}
	if l.size == 0 {
		l.ops, l.least = nil, 0
	} else if l.least == 0 {
		l.ops, l.least = append(l.ops, op{kind: opPad}), 1
	}
	l.direct = isDirect(l.typ)
	l.ready = true
	return l
}

// isDirect asks Go itself: the interface of a zero value holds a nil pointer exactly where it holds the value.
func isDirect(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Size() != ptrSize {
		return false
	}
	v := reflect.New(t).Elem().Interface()
	return efaceOf(&v).data == nil
}

// keeping finds out whether a type takes part by a stand-in. A type that embeds one that does is no keeper by that: the
// methods that it has got are those of what it embeds.
func (ls *layouts) keeping(t reflect.Type) (keeping, func(any) (any, error)) {
	if kept, ok := ls.adapters[t]; ok && t.Kind() != reflect.Pointer {
		return valueKeeper, kept
	}
	if t.Name() == "" || t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return notAKeeper, nil
	}
	if kept, ok := ls.adapters[reflect.PointerTo(t)]; ok {
		return pointerKeeper, kept
	}
	is := notAKeeper
	if t.Implements(keeperType) {
		is = valueKeeper
	} else if reflect.PointerTo(t).Implements(keeperType) {
		is = pointerKeeper
	}
	if is != notAKeeper && t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if f := t.Field(i); f.Anonymous && (f.Type.Implements(keeperType) || reflect.PointerTo(f.Type).Implements(keeperType)) {
				return notAKeeper, nil
			}
		}
	}
	return is, nil
}

var keeperType = reflect.TypeFor[keeper]()

// add appends what lies at an offset of a layout.
func (ls *layouts) add(l *layout, t reflect.Type, off uintptr) {
	if t.Size() == 0 {
		return
	}
	if off != 0 || t != l.typ {
		if is, _ := ls.keeping(t); is != notAKeeper {
			l.ops = append(l.ops, op{kind: opKeeper, off: off, to: ls.later(t)})
			return
		}
	}
	if ls.special(l, t, off) {
		return
	}
	switch t.Kind() {
	case reflect.String:
		l.ops = append(l.ops, op{kind: opString, off: off})
	case reflect.Pointer:
		if isTypeDescriptor(t.Elem()) {
			l.ops = append(l.ops, op{kind: opType, off: off})
			return
		}
		if elem := t.Elem(); elem.Size() == 0 && unkept(elem.PkgPath(), elem.Name()) != "" { // runtime.Func is known by its address
			l.ops = append(l.ops, op{kind: opZero, off: off, size: t.Size(), why: unkept(elem.PkgPath(), elem.Name())})
			return
		}
		l.ops = append(l.ops, op{kind: opPtr, off: off, to: ls.later(t.Elem())})
	case reflect.Slice:
		l.ops = append(l.ops, op{kind: opSlice, off: off, to: ls.later(t.Elem())})
	case reflect.Interface:
		l.ops = append(l.ops, op{kind: opIface, off: off, typ: t})
	case reflect.Map:
		l.ops = append(l.ops, op{kind: opMap, off: off, typ: t, to: ls.later(t)})
	case reflect.Func:
		l.ops = append(l.ops, op{kind: opFunc, off: off, typ: t})
	case reflect.Chan:
		l.ops = append(l.ops, op{kind: opZero, off: off, size: t.Size(), why: "a channel"})
	case reflect.UnsafePointer:
		l.ops = append(l.ops, op{kind: opZero, off: off, size: t.Size(), why: "an unsafe pointer"})
	case reflect.Array:
		elem := ls.of(t.Elem())
		if elem.raw {
			ls.addRaw(l, off, t.Size())
		} else {
			l.ops = append(l.ops, op{kind: opArray, off: off, n: t.Len(), to: elem})
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			ls.add(l, f.Type, off+f.Offset)
		}
	default:
		ls.addRaw(l, off, t.Size())
	}
}

// addRaw appends bytes, and joins them with those just before.
func (ls *layouts) addRaw(l *layout, off, size uintptr) {
	if n := len(l.ops); n > 0 && l.ops[n-1].kind == opRaw && l.ops[n-1].off+l.ops[n-1].size == off {
		l.ops[n-1].size += size
		return
	}
	l.ops = append(l.ops, op{kind: opRaw, off: off, size: size})
}

// flat is an array of arrays as one of their elements.
func flat(t reflect.Type, count int) (reflect.Type, int) {
	for t.Kind() == reflect.Array && t.Name() == "" && t.Len() > 0 {
		t, count = t.Elem(), count*t.Len()
	}
	return t, count
}

// fits says whether values of type part, count of them, lie at an offset of a value of type whole. Both have pointers.
func fits(whole reflect.Type, off uintptr, part reflect.Type, count int) bool {
	for {
		if off == 0 && whole == part && count == 1 {
			return true
		}
		switch whole.Kind() {
		case reflect.Struct:
			found := false
			for i := range whole.NumField() {
				f := whole.Field(i)
				if f.Offset <= off && off < f.Offset+f.Type.Size() {
					whole, off, found = f.Type, off-f.Offset, true
					break
				}
			}
			if !found {
				return false
			}
		case reflect.Array:
			elem := whole.Elem()
			if elem == part {
				return off%elem.Size() == 0 && int(off/elem.Size())+count <= whole.Len()
			}
			if elem.Size() == 0 {
				return false
			}
			whole, off = elem, off%elem.Size()
		default:
			return false
		}
	}
}
