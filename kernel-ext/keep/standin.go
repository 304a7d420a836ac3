package keep

import (
	"reflect"
	"unsafe"
)

// keeper is what a type implements that is more than its memory.
type keeper interface{ Kept() (any, error) }

// restorer is what a stand-in implements.
type restorer interface{ Restored() (any, error) }

// standInOf asks a value of a layout for its stand-in. A panic of its method is an error.
func standInOf(l *layout, p unsafe.Pointer) (standIn any, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	pointer := reflect.NewAt(l.typ, p)
	v := pointer.Interface()
	if l.keeper == valueKeeper {
		v = pointer.Elem().Interface()
	}
	if l.adapter != nil {
		return l.adapter(v)
	}
	k := v.(keeper)
	if !linked(unsafe.Pointer(&k)) {
		return nil, plainError("its methods are not in the program that made it")
	}
	return k.Kept()
}

// linked says whether the only method of an interface value is in the program. The linker leaves out those of a type of which
// no value is put into an interface; here one may have been found behind a function, by the type's name.
func linked(v unsafe.Pointer) bool {
	tab := (*iface)(v).tab
	const first = 2*ptrSize + 8 // the functions of an itab lie behind two types and a hash
	return functionName(*(*uintptr)(at(tab, first))) != "runtime.unreachableMethod"
}

// restored makes the value that a stand-in stands for. It must be a pointer to the layout's type, or for a value keeper the
// value.
func restored(l *layout, standIn any) (v reflect.Value, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	r, ok := standIn.(restorer)
	if !ok || !linked(unsafe.Pointer(&r)) {
		return v, plainError("its stand-in has no method Restored() (any, error)")
	}
	made, err := r.Restored()
	if err != nil {
		return v, err
	}
	want := l.typ
	if l.keeper == pointerKeeper {
		want = reflect.PointerTo(want)
	}
	v = reflect.ValueOf(made)
	if !v.IsValid() || v.Type() != want {
		return v, plainError("its stand-in gave another type back")
	}
	if l.keeper == pointerKeeper && v.IsNil() {
		return v, plainError("its stand-in gave nil back")
	}
	return v, nil
}

// said is what a recovered panic says.
func said(v any) error {
	switch v := v.(type) {
	case error:
		return v
	case string:
		return plainError(v)
	}
	return plainError("it panicked")
}

// oneLine is a text without line ends, cut where it is long.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' {
			b[i] = ' '
		}
	}
	if len(b) > 300 {
		b = append(b[:300], "…"...)
	}
	return string(b)
}

// marshalled is what a value says of itself in bytes.
func marshalled(t reflect.Type, p unsafe.Pointer) (b []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	m := reflect.NewAt(t, p).Elem().Interface().(marshaler)
	if !linked(unsafe.Pointer(&m)) {
		return nil, plainError("its methods are not in the program that made it")
	}
	return m.MarshalBinary()
}

func unmarshalled(t reflect.Type, p unsafe.Pointer, b []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = said(v)
		}
	}()
	return reflect.NewAt(t, p).Interface().(unmarshaler).UnmarshalBinary(b)
}
