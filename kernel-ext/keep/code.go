package keep

import (
	"reflect"
	"runtime"
	"unsafe"
)

// Functions are kept by name: the code of a function literal of a cell by that of the literal, main.gantryLit3_1.func1,
// whose maker, main.gantryLit3_1, takes pointers to what the literal captures.

// code knows the functions of a program.
type code struct {
	byName map[string]any     // those that the program lists
	byPC   map[uintptr]string // their names
	made   map[unsafe.Pointer]bool
	types  *finder
	im     image
	known  bool // im is
}

func newCode(listed map[string]any, types *finder) *code {
	c := &code{byName: listed, made: map[unsafe.Pointer]bool{}, types: types}
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

// literalOf is the maker of a literal's name, if it is one that the kernel has hoisted.
func literalOf(name string) (maker string, ok bool) {
	const prefix, suffix = "main.gantryLit", ".func1"
	if !hasPrefix(name, prefix) || !hasSuffix(name, suffix) {
		return "", false
	}
	return name[:len(name)-len(suffix)], true
}

// maker makes the literals or method values of a name of what they capture: by a function that the program lists, or for a
// method value by its name.
func (c *code) maker(name string) (maker, bool) {
	at := name
	if of, ok := literalOf(name); ok {
		at = of
	} else if !hasSuffix(name, methodValueSuffix) {
		return maker{}, false
	}
	v := reflect.ValueOf(c.byName[at])
	if v.Kind() != reflect.Func || v.IsNil() || v.Type().NumOut() != 1 || v.Type().Out(0).Kind() != reflect.Func || v.Type().IsVariadic() ||
		at == name && functionName(v.Pointer()) == name {
		return c.methodValue(name)
	}
	m := maker{make: func(in []reflect.Value) unsafe.Pointer {
		f := v.Call(in)[0].Interface()
		return efaceOf(&f).data
	}}
	for i := range v.Type().NumIn() {
		m.in = append(m.in, v.Type().In(i))
	}
	return m, true
}

// print is the fingerprint of the type of a function that the program lists, or of its maker's, else 0.
func (c *code) print(p *printer, name string) uint64 {
	if of, ok := literalOf(name); ok {
		name = of
	}
	if t := reflect.TypeOf(c.byName[name]); t != nil {
		return p.of(t)
	}
	return 0
}

// nameable says whether a function without variables of its own can be kept by its name. Instances of a generic function
// share theirs, and that of a literal in a function of a cell may mean another one in the next cell, unless the program lists
// it.
func (c *code) nameable(name string) bool {
	if name == "" || hasSuffix(name, "[...]") {
		return false
	}
	if _, ok := c.byName[name]; ok || !hasPrefix(name, "main.") {
		return true
	}
	if _, ok := c.maker(name); ok {
		return true
	}
	const literal = ".func"
	for i := 0; i+len(literal) < len(name); i++ {
		if hasPrefix(name[i:], literal) && '0' <= name[i+len(literal)] && name[i+len(literal)] <= '9' {
			return false
		}
	}
	return true
}

// static says whether a function value has no variables of its own: it is a constant of the program, or was made here. A
// method value has its receiver.
func (c *code) static(f unsafe.Pointer) bool {
	return c.made[f] || !inHeap(f) && !hasSuffix(c.name(*(*uintptr)(f)), methodValueSuffix)
}

// find is a function value for the function of this name: of the list, or made for what the linker has kept. It is nil
// where there is none.
func (c *code) find(name string) unsafe.Pointer {
	if f, ok := c.byName[name]; ok && reflect.TypeOf(f).Kind() == reflect.Func {
		return efaceOf(&f).data
	}
	if m, ok := c.maker(name); ok && len(m.in) == 0 {
		return m.make(nil)
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
	for _, m := range c.im.modules {
		for _, f := range m.ftab {
			pc := m.text + uintptr(f.entry)
			if f := runtime.FuncForPC(pc); f != nil && f.Name() == name && f.Entry() == pc {
				return pc
			}
		}
	}
	return 0
}
