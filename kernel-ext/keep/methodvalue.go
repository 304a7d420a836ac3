package keep

import (
	"reflect"
	"runtime"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// A method value, x.Method without a call, is a function of the compiler's, named after the method with -fm, and a copy of its
// receiver behind it. The name says which type the receiver has, and the function is found by its name like others. A
// program that has neither names them by an entry of Program.Code: a method value of any receiver.

const methodValueSuffix = "-fm"

// A maker makes a function value of what it captures.
type maker struct {
	in   []reflect.Type // of what it captures, in order
	make func(in []reflect.Value) unsafe.Pointer
}

// methodValue is the maker of the method values of this name.
func (c *code) methodValue(name string) (maker, bool) {
	receiver := c.receiver(name)
	if receiver == nil {
		return maker{}, false
	}
	entry := c.entryOf(name)
	return maker{in: []reflect.Type{receiver}, make: func(in []reflect.Value) unsafe.Pointer {
		return boundMethod(entry, in[0])
	}}, entry != 0
}

// boundMethod is the memory of a method value: the code, and the receiver behind it. It is cut out of two receivers one
// behind the other, the first of which ends in the code, so that Go's collector finds the pointers of the second; reflect could
// make a type for it, which is much for each cell's program to carry.
func boundMethod(entry uintptr, receiver reflect.Value) unsafe.Pointer {
	size := receiver.Type().Size()
	if size%ptrSize != 0 || size == 0 { // it has no pointers
		p := newBytes(ptrSize + size)
		*(*uintptr)(p) = entry
		reflect.NewAt(receiver.Type(), at(p, ptrSize)).Elem().Set(receiver)
		return p
	}
	two := newValues(receiver.Type(), 2)
	*(*uintptr)(at(two, size-ptrSize)) = entry
	reflect.NewAt(receiver.Type(), at(two, size)).Elem().Set(receiver)
	return at(two, size-ptrSize)
}

// entryOf is where the code of a function of this name begins, by the program's list or its table of functions. It is 0
// where there is none.
func (c *code) entryOf(name string) uintptr {
	if v := reflect.ValueOf(c.byName[name]); v.Kind() == reflect.Func && !v.IsNil() && functionName(v.Pointer()) == name {
		return v.Pointer()
	}
	return c.entry(name)
}

// functionName is what the runtime calls the function that begins at pc, or "".
func functionName(pc uintptr) string {
	if f := runtime.FuncForPC(pc); f != nil && f.Entry() == pc {
		return f.Name()
	}
	return ""
}

// receiver is the type of a method value's receiver, by the name: path/package.Type.Method-fm, or package.(*Type).Method-fm. It
// is nil for other names, for generic types, and where the program has no such type, or two, which functions declare.
func (c *code) receiver(name string) reflect.Type {
	if !hasSuffix(name, methodValueSuffix) || c.types == nil {
		return nil
	}
	pkg, typ, ok := splitMethod(name[:len(name)-len(methodValueSuffix)])
	if !ok {
		return nil
	}
	d := describer{}
	pointer := hasPrefix(typ, "(*") && hasSuffix(typ, ")")
	if pointer {
		typ = typ[2 : len(typ)-1]
	}
	d.qualified(store.Unescaped(pkg), typ)
	found := c.types.only(string(d.text))
	if found != nil && pointer {
		return reflect.PointerTo(found)
	}
	return found
}

// splitMethod takes path/package.Type.Method apart.
func splitMethod(name string) (pkg, typ string, ok bool) {
	from := 0
	for i := range len(name) {
		switch name[i] {
		case '/':
			from = i
		case '[':
			return "", "", false
		}
	}
	var dots []int
	for i := from; i < len(name); i++ {
		if name[i] == '.' {
			dots = append(dots, i)
		}
	}
	if len(dots) != 2 {
		return "", "", false
	}
	return name[:dots[0]], name[dots[0]+1 : dots[1]], true
}

// only is the type of this text, if there is just one.
func (f *finder) only(text string) reflect.Type {
	for _, learn := range []func(){f.learnVars, f.learnNamed, func() { f.learnLinked(text) }} {
		learn()
		if list := f.known[text]; len(list) == 1 {
			return list[0]
		} else if len(list) > 1 {
			return nil
		}
	}
	return nil
}
