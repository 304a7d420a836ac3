package keep

import "reflect"

// A finder has the types that a program knows, by their text. Two types of one name may be declared in two functions.
type finder struct {
	known map[string][]reflect.Type
	seen  map[reflect.Type]bool
	vars  []reflect.Type // of variables, until they are needed
	types []any          // that the program names, until they are needed
}

func newFinder(types []any) *finder {
	return &finder{known: map[string][]reflect.Type{}, seen: map[reflect.Type]bool{}, types: types}
}

// learn takes in a type and all that it is made of.
func (f *finder) learn(t reflect.Type) {
	if f.seen[t] {
		return
	}
	f.seen[t] = true
	if !isComposite(t) {
		text := expr(t)
		f.known[text] = append(f.known[text], t)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Chan, reflect.Array:
		f.learn(t.Elem())
	case reflect.Map:
		f.learn(t.Key())
		f.learn(t.Elem())
	case reflect.Func:
		for i := range t.NumIn() {
			f.learn(t.In(i))
		}
		for i := range t.NumOut() {
			f.learn(t.Out(i))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f.learn(t.Field(i).Type)
		}
	}
}

// isComposite says whether a type is made here of its parts. Others without a name could be too, but reflect's making of
// maps' and structs' types is much for each cell's program to carry.
func isComposite(t reflect.Type) bool {
	return t.Name() == "" && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice)
}

// find looks for a type by its text and fingerprint: first among the types of the variables, then among those that the
// program names for the purpose, then among all that the linker has kept. changed is true where only a type of the same
// name but of another fingerprint is known.
func (f *finder) find(p *printer, text string, print uint64) (found reflect.Type, changed bool) {
	f.learnVars()
	look := func() reflect.Type {
		for _, t := range f.known[text] {
			if p.of(t) == print {
				return t
			}
			changed = true
		}
		return nil
	}
	if t := look(); t != nil {
		return t, false
	}
	f.learnNamed()
	if t := look(); t != nil {
		return t, false
	}
	f.learnLinked(text)
	if t := look(); t != nil {
		return t, false
	}
	return nil, changed
}

// learnVars takes in the types of the program's variables.
func (f *finder) learnVars() {
	for _, t := range f.vars {
		f.learn(t)
	}
	f.vars = nil
}

// learnNamed takes in what the program names for the purpose.
func (f *finder) learnNamed() {
	for _, v := range f.types {
		if t := reflect.TypeOf(v); t != nil {
			f.learn(t)
		}
	}
	f.types = nil
}

// learnLinked takes in those types that the linker lists which may have this text. It lists types without a name, and of a
// type with one the pointer to it.
func (f *finder) learnLinked(text string) {
	may := likely(text)
	sections, offsets := typelinks()
	for i, section := range sections {
		for _, off := range offsets[i] {
			if t := typeOf(at(section, uintptr(off))); may(t.String()) {
				f.learn(t)
			}
		}
	}
}

// likely says by what reflect's text of a type differs from most others'.
func likely(text string) func(string) bool {
	if text == "" || text[0] != '"' {
		start := text[:min(len(text), len("map"))]
		return func(s string) bool { return hasPrefix(s, start) }
	}
	end := 1
	for end < len(text) && text[end] != '"' {
		end++
	}
	name := text[min(end+1, len(text)):] // .Pair[int]
	for i := range len(name) {
		if name[i] == '[' {
			name = name[:i+1]
			return func(s string) bool {
				for i := 0; i+len(name) <= len(s); i++ {
					if s[i:i+len(name)] == name {
						return true
					}
				}
				return false
			}
		}
	}
	return func(s string) bool { return hasSuffix(s, name) }
}

// plainExpr is a type's text without the quotes around packages.
func plainExpr(text string) string {
	var b []byte
	for i := range len(text) {
		if text[i] != '"' {
			b = append(b, text[i])
		}
	}
	return string(b)
}
