package keep

import (
	"reflect"
	"strconv"
	"unsafe"

	"gantry.local/kernel-ext/keep/store"
)

// describe is a type as store.Type has it. It does not call Method of a reflect.Type: a program in which that can be reached
// keeps the methods of all its types, and takes longer to link.
func describe(t reflect.Type) store.Type {
	d := describer{}
	d.write(t)
	return store.Type{Expr: string(d.text), Packages: d.packages, Nameable: !d.hidden}
}

// expr is the type's text in describe, by which it is looked for in another program.
func expr(t reflect.Type) string {
	d := describer{}
	d.write(t)
	return string(d.text)
}

type describer struct {
	text     []byte
	packages []string
	hidden   bool
}

func (d *describer) say(s string) { d.text = append(d.text, s...) }

func (d *describer) write(t reflect.Type) {
	if t.Name() != "" {
		if t.PkgPath() == "" {
			d.say(t.Name())
			return
		}
		d.name(t.PkgPath(), t.Name())
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		d.say("*")
		d.write(t.Elem())
	case reflect.Slice:
		d.say("[]")
		d.write(t.Elem())
	case reflect.Array:
		d.say("[" + strconv.Itoa(t.Len()) + "]")
		d.write(t.Elem())
	case reflect.Map:
		d.say("map[")
		d.write(t.Key())
		d.say("]")
		d.write(t.Elem())
	case reflect.Chan:
		d.say([...]string{reflect.RecvDir: "<-chan ", reflect.SendDir: "chan<- ", reflect.BothDir: "chan "}[t.ChanDir()] + "(")
		d.write(t.Elem())
		d.say(")")
	case reflect.Func:
		d.say("func(")
		for i := range t.NumIn() {
			d.comma(i)
			if in := t.In(i); t.IsVariadic() && i == t.NumIn()-1 {
				d.say("...")
				d.write(in.Elem())
			} else {
				d.write(in)
			}
		}
		d.say(") (")
		for i := range t.NumOut() {
			d.comma(i)
			d.write(t.Out(i))
		}
		d.say(")")
	case reflect.Struct:
		d.say("struct {")
		for i := range t.NumField() {
			f := t.Field(i)
			d.say(" ")
			if !f.Anonymous {
				d.say(f.Name + " ")
			}
			d.hidden = d.hidden || f.PkgPath != "" && f.PkgPath != "main"
			d.write(f.Type)
			if f.Tag != "" {
				d.say(" " + strconv.Quote(string(f.Tag)))
			}
			d.say(";")
		}
		d.say(" }")
	default: // an interface
		if t.NumMethod() == 0 {
			d.say("any")
			return
		}
		d.hidden = true // its methods' types are not looked into, so it is found by its text or not
		d.say(t.String())
	}
}

func (d *describer) comma(i int) {
	if i > 0 {
		d.say(", ")
	}
}

// name writes the name of a type with its arguments, in which reflect has packages' whole paths: Pair[int,net/url.URL].
func (d *describer) name(pkg, name string) {
	base, args := name, ""
	for i := range len(name) {
		if name[i] == '[' {
			base, args = name[:i], name[i:]
			break
		}
	}
	d.qualified(pkg, base)
	for len(args) > 0 {
		n := 0
		for n < len(args) && isNameByte(args[n]) {
			n++
		}
		if n == 0 {
			if args[0] == '"' { // the tag of a field
				if tag, err := strconv.QuotedPrefix(args); err == nil {
					d.say(tag)
					args = args[len(tag):]
					continue
				}
			}
			d.say(args[:1])
			args = args[1:]
			continue
		}
		word := args[:n]
		args = args[n:]
		if hasPrefix(word, "...") {
			d.say("...")
			word = word[3:]
		}
		dot := -1
		for i := len(word) - 1; i >= 0 && word[i] != '/'; i-- {
			if word[i] == '.' {
				dot = i
				break
			}
		}
		if dot < 0 {
			d.say(word)
			continue
		}
		d.qualified(store.Unescaped(word[:dot]), word[dot+1:])
	}
}

// qualified writes a name of a package.
func (d *describer) qualified(pkg, name string) {
	d.say(strconv.Quote(pkg) + "." + name)
	if pkg == "main" {
		return
	}
	d.hidden = d.hidden || !isExported(name) || isInternal(pkg)
	for _, known := range d.packages {
		if known == pkg {
			return
		}
	}
	d.packages = append(d.packages, pkg)
}

func isNameByte(b byte) bool {
	return b >= 0x80 || b == '_' || b == '.' || b == '/' || b == '-' || b == '~' || b == '%' || b == '+' || b == '@' ||
		'0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

func isExported(name string) bool { return name != "" && 'A' <= name[0] && name[0] <= 'Z' }

// isInternal says whether a package of the standard library is closed to others.
func isInternal(pkg string) bool { return hasPrefix(pkg, "internal/") || hasPrefix(pkg, "vendor/") }

// A printer makes fingerprints of types: numbers that differ where the memory of their values, or what they lead to, is
// laid out otherwise. It also notes which types of cells a type is made of.
type printer struct {
	ls    *layouts
	done  map[reflect.Type]uint64
	cells map[reflect.Type][]reflect.Type
}

func newPrinter(ls *layouts) *printer {
	return &printer{ls: ls, done: map[reflect.Type]uint64{}, cells: map[reflect.Type][]reflect.Type{}}
}

// of is the fingerprint of a type.
func (p *printer) of(t reflect.Type) uint64 {
	if print, ok := p.done[t]; ok {
		return print
	}
	w := printing{p: p, hash: fnvStart, seen: map[reflect.Type]int{}}
	w.add(t)
	p.done[t], p.cells[t] = w.hash, w.cells
	return w.hash
}

// madeOf are the types of package main that t leads to.
func (p *printer) madeOf(t reflect.Type) []reflect.Type {
	p.of(t)
	return p.cells[t]
}

const (
	fnvStart = 14695981039346656037
	fnvPrime = 1099511628211
)

type printing struct {
	p     *printer
	hash  uint64
	seen  map[reflect.Type]int
	cells []reflect.Type
}

func (w *printing) say(s string) {
	for i := range len(s) {
		w.hash = (w.hash ^ uint64(s[i])) * fnvPrime
	}
	w.hash = (w.hash ^ 0xff) * fnvPrime
}

func (w *printing) add(t reflect.Type) {
	if n, ok := w.seen[t]; ok {
		w.say("#" + strconv.Itoa(n))
		return
	}
	w.seen[t] = len(w.seen)
	w.say(t.Kind().String())
	if t.Name() != "" {
		w.say(t.PkgPath())
		w.say(t.Name())
		if t.PkgPath() == "main" {
			w.cells = append(w.cells, t)
		}
		if is, _ := w.p.ls.keeping(t); is != notAKeeper && t.PkgPath() != "main" || unkept(t.PkgPath(), t.Name()) != "" || isTypeDescriptor(t) {
			return // what it is made of is its own affair
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Chan:
		w.add(t.Elem())
	case reflect.Array:
		w.say(strconv.Itoa(t.Len()))
		w.add(t.Elem())
	case reflect.Map:
		w.add(t.Key())
		w.add(t.Elem())
	case reflect.Func:
		w.say(strconv.FormatBool(t.IsVariadic()))
		w.say(strconv.Itoa(t.NumIn()))
		for i := range t.NumIn() {
			w.add(t.In(i))
		}
		for i := range t.NumOut() {
			w.add(t.Out(i))
		}
	case reflect.Struct:
		w.say(strconv.Itoa(t.NumField()))
		for i := range t.NumField() {
			f := t.Field(i)
			w.say(f.Name)
			w.add(f.Type)
		}
	case reflect.Interface:
		if t.Name() == "" {
			w.say(t.String())
		}
	}
}

// A finder has the types that a program knows, by their text. Two types of one name may be declared in two functions.
type finder struct {
	known map[string][]reflect.Type
	seen  map[reflect.Type]bool
	types []any // that the program names, until they are needed
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
	for _, v := range f.types {
		if t := reflect.TypeOf(v); t != nil {
			f.learn(t)
		}
	}
	f.types = nil
	if t := look(); t != nil {
		return t, false
	}
	f.learnLinked(text)
	if t := look(); t != nil {
		return t, false
	}
	return nil, changed
}

// named is the one type of this text, or nil if there is none or more than one.
func (f *finder) named(text string) reflect.Type {
	if len(f.known[text]) == 0 {
		f.learnLinked(text)
	}
	if list := f.known[text]; len(list) == 1 {
		return list[0]
	}
	return nil
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
