package keep

import (
	"reflect"
	"runtime"
	"strconv"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// Functions are kept by name: the code of a function literal of a cell by that of the literal, main.gantryLit3_1.func1,
// whose maker, main.gantryLit3_1, takes pointers to what the literal captures.

// code knows the functions of a program.
type code struct {
	byName map[string]any     // those that the program lists
	byPC   map[uintptr]string // their names
	made   map[unsafe.Pointer]bool
	im     image
	known  bool // im is
}

func newCode(listed map[string]any) *code {
	c := &code{byName: listed, made: map[unsafe.Pointer]bool{}}
	c.im, c.known = programImage()
	return c
}

// name is how a function's code is called. Several instances of a generic function share a name, so they have none unless
// the program lists them.
func (c *code) name(pc uintptr) string {
	if c.byPC == nil {
		c.byPC = map[uintptr]string{}
		for name, f := range c.byName {
			if v := reflect.ValueOf(f); v.Kind() == reflect.Func && !v.IsNil() {
				if _, isMaker := literalOf(name); !isMaker {
					c.byPC[v.Pointer()] = name
				}
			}
		}
	}
	if name, ok := c.byPC[pc]; ok {
		return name
	}
	return functionName(pc)
}

// functionName is what the runtime calls the function that begins at pc, or "".
func functionName(pc uintptr) string {
	if f := runtime.FuncForPC(pc); f != nil && f.Entry() == pc {
		return f.Name()
	}
	return ""
}

// literalOf is the maker of a literal's name, if it is one that the kernel has hoisted.
func literalOf(name string) (maker string, ok bool) {
	const prefix, suffix = "main.gantryLit", ".func1"
	if !hasPrefix(name, prefix) || !hasSuffix(name, suffix) {
		return "", false
	}
	return name[:len(name)-len(suffix)], true
}

// maker is the function that makes a literal or a method value of what it captures, if the program lists one. For a method
// value it may list one of any receiver instead, which is no maker.
func (c *code) maker(name string) (reflect.Value, bool) {
	at := name
	if maker, ok := literalOf(name); ok {
		at = maker
	} else if !hasSuffix(name, methodValueSuffix) {
		return reflect.Value{}, false
	}
	v := reflect.ValueOf(c.byName[at])
	ok := v.Kind() == reflect.Func && !v.IsNil() && v.Type().NumOut() == 1 && v.Type().Out(0).Kind() == reflect.Func && !v.Type().IsVariadic() &&
		!(at == name && functionName(v.Pointer()) == name)
	return v, ok
}

// methodValueSuffix ends the name of the code of x.Method, which holds x.
const methodValueSuffix = "-fm"

// receiver is the type of what a method value of this name holds, if it can be told: net/url.(*URL).String-fm.
func (f *finder) receiver(name string) reflect.Type {
	name = name[:len(name)-len(methodValueSuffix)]
	of, _ := cutLast(name, '.')
	pkg, typ := cutLast(of, '.')
	pointer := hasPrefix(typ, "(*") && hasSuffix(typ, ")")
	if pointer {
		typ = typ[2 : len(typ)-1]
	}
	t := f.named(strconv.Quote(store.Unescaped(pkg)) + "." + typ)
	if t != nil && pointer {
		t = reflect.PointerTo(t)
	}
	return t
}

// cutLast cuts a text at the last of a sign, if it has it.
func cutLast(s string, sign byte) (before, after string) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sign {
			return s[:i], s[i+1:]
		}
	}
	return "", s
}

// print is the fingerprint of the type of a function that the program lists, or of its maker's, else 0.
func (c *code) print(p *printer, name string) uint64 {
	if f, ok := c.byName[name]; ok {
		return p.of(reflect.TypeOf(f))
	}
	if maker, ok := c.maker(name); ok {
		return p.of(maker.Type())
	}
	return 0
}

// nameable says whether a function without variables of its own can be kept by its name. One of a cell can where the program
// lists it: another cell may give the name to another function.
func (c *code) nameable(name string) bool {
	if name == "" || hasSuffix(name, "[...]") {
		return false
	}
	if _, ok := c.byName[name]; ok || !hasPrefix(name, "main.") {
		return true
	}
	_, ok := c.maker(name)
	return ok
}

// static says whether a function value has no variables of its own: it is a constant of the program, or was made here. A
// method value has its receiver, be it of no size.
func (c *code) static(f unsafe.Pointer) bool {
	return c.made[f] || !inHeap(f) && !hasSuffix(c.name(*(*uintptr)(f)), methodValueSuffix)
}

// methodValue makes a method value of its code and its receiver, which lies behind that.
func methodValue(pc uintptr, receiver reflect.Value) unsafe.Pointer {
	v := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Code", Type: reflect.TypeFor[uintptr]()}, {Name: "Receiver", Type: receiver.Type()},
	}))
	v.Elem().Field(0).SetUint(uint64(pc))
	v.Elem().Field(1).Set(receiver)
	return v.UnsafePointer()
}

// find is a function value for the function of this name: of the list, or made for what the linker has kept. It is nil
// where there is none.
func (c *code) find(name string) unsafe.Pointer {
	if f, ok := c.byName[name]; ok && reflect.TypeOf(f).Kind() == reflect.Func {
		return efaceOf(&f).data
	}
	if maker, ok := c.maker(name); ok && maker.Type().NumIn() == 0 {
		f := maker.Call(nil)[0].Interface()
		return efaceOf(&f).data
	}
	entry := c.entry(name)
	if entry == 0 || !c.nameable(name) {
		return nil
	}
	f := unsafe.Pointer(&entry)
	c.made[f] = true
	return f
}

// entry looks through the program's functions for one of this name. Names of generic functions are no answer: their
// instances share them.
func (c *code) entry(name string) uintptr {
	if !c.known || name == "" || hasSuffix(name, "[...]") {
		return 0
	}
	for _, f := range c.im.functions {
		pc := c.im.text + uintptr(f.entry)
		if f := runtime.FuncForPC(pc); f != nil && f.Name() == name && f.Entry() == pc {
			return pc
		}
	}
	return 0
}
