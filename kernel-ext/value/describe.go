package value

import (
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// What a tree is at most.
const (
	mostNodes    = 4000    // values that are looked at
	mostDepth    = 8       // values within values
	mostLooked   = 1 << 20 // numbers that are looked at for ranges
	mostWhole    = 100     // items of a list of words that are all shown
	mostRowsSeen = 50      // items of a list of anything else, and entries of a map
	headOfWords  = 10      // items of a longer list of words that are shown
	headOfRows   = 20      // items of a longer list of anything else
	mostFields   = 100     // of a struct
	mostString   = 200     // bytes of a string within another value
	mostChain    = 20      // errors in a chain
)

// kind is what a node is.
type kind uint8

const (
	word    kind = iota // text in a line; at the top of a tree any text
	list                // items
	record              // items with names, a struct's fields
	mapping             // items with names, a map's keys
)

// node is a value as it is shown.
type node struct {
	kind   kind
	text   string   // of a word: as it stands within another value, in a line
	cell   string   // of a word: as it stands in a table; "": as text
	number bool     // of a word: it is aligned as numbers are
	phrase bool     // of a word: it is of several, by a method of the value's own
	amp    string   // "&" for each pointer on the way to it
	of     string   // its type: of a list or mapping always, of a record where it isn't clear from what it lies in
	names  []string // of a record or mapping, one for each item
	items  []*node
	more   int    // items that were left out
	note   string // what there is to say of all items, left out or not
}

// walker makes a tree of a value.
type walker struct {
	nodes  int                // that may still be made
	looked int                // numbers that may still be looked at
	rows   int                // items of a list of more than words, up to which all are shown
	path   map[place]struct{} // where it is
	inside int                // fields of other packages that are not exported, on the way to it
}

func newWalker() *walker {
	return &walker{nodes: mostNodes, rows: mostRowsSeen, looked: mostLooked, path: map[place]struct{}{}}
}

// place is a pointer, map or slice.
type place struct {
	at     unsafe.Pointer
	length int
	of     reflect.Type
}

// describe makes the tree of any value. remark is what went wrong on the way.
func describe(v any) (tree *node, remark string) {
	if v == nil {
		return &node{text: "<nil>"}, ""
	}
	r := reflect.ValueOf(v)
	text, is, remark := topmost(v, r)
	if is {
		return &node{text: text}, ""
	}
	w := newWalker()
	copied := reflect.New(r.Type()).Elem() // whose fields have addresses
	copied.Set(r)
	return w.value(copied, true, 0), remark
}

// topmost returns the text of a value that is shown by a text of any length: strings, errors, and what describes itself.
func topmost(v any, r reflect.Value) (text string, is bool, remark string) {
	switch said, method, trouble := words(v); {
	case trouble != "":
		return "", false, trouble
	case method == "Error":
		if said == "" {
			said = nameOf(v)
		}
		return said + chainOf(v), true, ""
	case method == "String":
		if t, is := v.(time.Time); is {
			said = t.Round(0).String() // without the monotonic clock
		}
		return said, true, ""
	case r.Kind() == reflect.String:
		return r.String(), true, ""
	}
	return "", false, ""
}

// value describes v. named says that its type isn't clear from where it lies.
func (w *walker) value(v reflect.Value, named bool, depth int) *node {
	if w.nodes--; w.nodes < 0 || depth > mostDepth {
		return &node{text: "…"}
	}
	if depth > 0 {
		if n := ownWords(v); n != nil {
			return n
		}
	}
	if kind := v.Kind(); w.inside > 0 && (kind == reflect.Pointer || kind == reflect.Map || kind == reflect.Interface) {
		return closed(v)
	}
	name := ""
	if named && v.Type().Name() != "" {
		name = typeName(v.Type())
	}
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		return &node{text: quoted(s), cell: inLine(s)}
	case reflect.Struct:
		return w.structure(v, name, depth)
	case reflect.Map:
		return w.entries(v, depth)
	case reflect.Slice, reflect.Array:
		return w.elements(v, depth)
	case reflect.Pointer:
		return w.pointer(v, named, depth)
	case reflect.Interface:
		if v.IsNil() {
			return &node{text: "<nil>"}
		}
		return w.value(v.Elem(), true, depth)
	case reflect.Func:
		return &node{text: function(v)}
	case reflect.Chan:
		if v.IsNil() {
			return &node{text: "<nil>"}
		}
		return &node{text: typeName(v.Type()) + " with " + strconv.Itoa(v.Len()) + " of " + strconv.Itoa(v.Cap())}
	case reflect.UnsafePointer:
		return &node{text: "0x" + strconv.FormatUint(uint64(v.Pointer()), 16)}
	}
	return scalar(v)
}

// ownWords is a value within another as it says itself by Error or String, or nil. A struct whose fields are all there to
// be read has them read instead where it stands in a list: see elements.
func ownWords(v reflect.Value) *node {
	if v.Kind() == reflect.Interface {
		return nil // what lies in it is asked
	}
	if text, is := timeOf(v); is {
		return &node{text: text}
	}
	if !v.CanInterface() || v.Type().NumMethod() == 0 && (v.Type().Name() == "" || reflect.PointerTo(v.Type()).NumMethod() == 0) {
		return nil
	}
	said, method, trouble := words(v.Interface())
	if method == "" {
		return nil
	}
	if trouble != "" {
		said = "(" + trouble + ")"
	}
	return &node{text: inLine(said), number: v.CanInt() || v.CanFloat() || v.CanUint(), phrase: strings.Contains(said, " ")}
}

// timeOf is a time.Time or time.Duration as text, also where it lies in a field that is not exported.
func timeOf(v reflect.Value) (text string, is bool) {
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		return time.Duration(v.Int()).String(), true
	case reflect.TypeFor[time.Time]():
		if !v.CanAddr() {
			return "", false
		}
		return (*time.Time)(v.Addr().UnsafePointer()).Round(0).String(), true
	}
	return "", false
}

// cellPackage is the package of the program itself, whose fields are followed wherever they lead.
const cellPackage = "main"

// closed describes what another package keeps to itself behind a pointer, in a map or an interface: by its type alone. It may be
// large, and that package's goroutines may be writing to it.
func closed(v reflect.Value) *node {
	switch {
	case v.IsNil():
		return &node{text: "<nil>"}
	case v.Kind() == reflect.Interface:
		return &node{text: typeName(v.Elem().Type())}
	}
	return &node{text: typeName(v.Type())}
}

// enter notes that a pointer, map or slice is being described. It returns false where that is so already.
func (w *walker) enter(p place) bool {
	if _, within := w.path[p]; within {
		return false
	}
	w.path[p] = struct{}{}
	return true
}

// again is a value that the present one lies in.
func again(v reflect.Value) *node { return &node{text: "↺ " + typeName(v.Type())} }

func (w *walker) structure(v reflect.Value, name string, depth int) *node {
	n := &node{kind: record, of: name}
	t := v.Type()
	for i := range t.NumField() {
		if len(n.items) == mostFields {
			n.more = t.NumField() - i
			break
		}
		field := t.Field(i)
		n.names = append(n.names, field.Name)
		inside := 0
		if !field.IsExported() && field.PkgPath != cellPackage {
			inside = 1
		}
		w.inside += inside
		n.items = append(n.items, w.value(v.Field(i), false, depth+1))
		w.inside -= inside
	}
	return n
}

func (w *walker) pointer(v reflect.Value, named bool, depth int) *node {
	if v.IsNil() {
		return &node{text: "<nil>"}
	}
	p := place{v.UnsafePointer(), 0, v.Type()}
	if !w.enter(p) {
		return again(v)
	}
	defer delete(w.path, p)
	n := w.value(v.Elem(), named, depth)
	if n.kind == word {
		n.text = "&" + n.text
	}
	n.amp = "&" + n.amp
	return n
}

func (w *walker) entries(v reflect.Value, depth int) *node {
	n := &node{kind: mapping, of: typeName(v.Type()), note: plural(v.Len(), "entry", "entries")}
	p := place{v.UnsafePointer(), 0, v.Type()}
	if !w.enter(p) {
		return again(v)
	}
	defer delete(w.path, p)
	keys := keysOf(v)
	shown := len(keys)
	if v.Len() > w.rows {
		shown = min(shown, headOfRows)
	}
	for _, key := range keys[:shown] {
		k := w.value(key, true, depth+1)
		n.names = append(n.names, k.line(lineWidth))
		n.items = append(n.items, w.value(addressable(v.MapIndex(key)), false, depth+1))
	}
	n.more = v.Len() - shown
	return n
}

// addressable returns a copy of what came out of a map, whose fields then have addresses; what lies below a field that is
// not exported stays as it is.
func addressable(v reflect.Value) reflect.Value {
	if !v.CanInterface() {
		return v
	}
	copied := reflect.New(v.Type()).Elem()
	copied.Set(v)
	return copied
}

// mostKeys is how many keys are put in order. Of a larger map it is some of its first.
const mostKeys = 10_000

// keysOf returns a map's keys in order.
func keysOf(v reflect.Value) []reflect.Value {
	keys := make([]reflect.Value, 0, min(v.Len(), mostKeys))
	for all := v.MapRange(); all.Next() && len(keys) < mostKeys; {
		keys = append(keys, all.Key())
	}
	slices.SortStableFunc(keys, compare)
	return keys
}

// compare orders two keys: by kind, then by type, then by value.
func compare(a, b reflect.Value) int {
	if a.Kind() == reflect.Interface {
		a, b = a.Elem(), b.Elem()
	}
	order := func(less, more bool) int {
		switch {
		case less:
			return -1
		case more:
			return 1
		}
		return 0
	}
	switch {
	case !a.IsValid() || !b.IsValid():
		return order(!a.IsValid() && b.IsValid(), a.IsValid() && !b.IsValid())
	case a.Kind() != b.Kind():
		return order(a.Kind() < b.Kind(), a.Kind() > b.Kind())
	case a.Type() != b.Type():
		return strings.Compare(a.Type().String(), b.Type().String())
	case a.CanInt():
		return order(a.Int() < b.Int(), a.Int() > b.Int())
	case a.CanUint():
		return order(a.Uint() < b.Uint(), a.Uint() > b.Uint())
	case a.CanFloat():
		x, y := a.Float(), b.Float()
		return order(x < y || x != x && y == y, x > y || y != y && x == x)
	case a.Kind() == reflect.String:
		return strings.Compare(a.String(), b.String())
	case a.Kind() == reflect.Bool:
		return order(!a.Bool() && b.Bool(), a.Bool() && !b.Bool())
	case a.Kind() == reflect.Pointer || a.Kind() == reflect.Chan || a.Kind() == reflect.UnsafePointer:
		return order(a.Pointer() < b.Pointer(), a.Pointer() > b.Pointer())
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			if c := compare(a.Field(i), b.Field(i)); c != 0 {
				return c
			}
		}
	case a.Kind() == reflect.Array:
		for i := range a.Len() {
			if c := compare(a.Index(i), b.Index(i)); c != 0 {
				return c
			}
		}
	}
	return 0
}

func (w *walker) elements(v reflect.Value, depth int) *node {
	n := &node{kind: list, of: typeName(v.Type())}
	if v.Kind() == reflect.Slice {
		p := place{v.UnsafePointer(), v.Len(), v.Type()}
		if v.Len() > 0 && !w.enter(p) {
			return again(v)
		}
		defer delete(w.path, p)
	}
	element := v.Type().Elem()
	if element == reflect.TypeFor[byte]() && (v.Kind() == reflect.Slice || v.CanAddr()) {
		return bytesOf(v.Bytes())
	}
	whole, head := w.rows, headOfRows
	if isNumber(element.Kind()) || element.Kind() == reflect.String || element.Kind() == reflect.Bool {
		whole, head = mostWhole, headOfWords
	}
	shown := v.Len()
	if shown > whole {
		shown = head
	}
	fields := readable(element)
	for i := range shown {
		item := v.Index(i)
		if fields {
			n.items = append(n.items, w.fieldsOf(item, depth+1))
			continue
		}
		n.items = append(n.items, w.value(item, false, depth+1))
	}
	n.more = v.Len() - shown
	n.note = w.noteOf(v)
	return n
}

// readable tells whether a list of elements of a type is best shown by their fields, whatever String says: structs with at
// least two fields, all exported.
func readable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.NumField() < 2 {
		return false
	}
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return false
		}
	}
	return true
}

// fieldsOf describes a struct, or a pointer to one, by its fields.
func (w *walker) fieldsOf(v reflect.Value, depth int) *node {
	if w.nodes--; w.nodes < 0 || depth > mostDepth {
		return &node{text: "…"}
	}
	if v.Kind() != reflect.Pointer {
		return w.structure(v, "", depth)
	}
	if v.IsNil() {
		return &node{text: "<nil>"}
	}
	p := place{v.UnsafePointer(), 0, v.Type()}
	if !w.enter(p) {
		return again(v)
	}
	defer delete(w.path, p)
	n := w.structure(v.Elem(), "", depth)
	n.amp = "&"
	return n
}

// function is a function's name, where it has one, and its signature.
func function(v reflect.Value) string {
	if v.IsNil() {
		return "<nil>"
	}
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return typeName(v.Type())
	}
	name := f.Name()
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '/')+1:], "-fm") // of a method's value
	return strings.TrimPrefix(name, "main.") + " " + typeName(v.Type())
}

// quoted is a string within another value: as it is where it cannot be taken for anything else, else quoted.
func quoted(s string) string {
	plain := s != "" && s != "true" && s != "false" && s != "nil" && s != "NaN" && len(s) <= mostString
	for i, r := range s {
		if !plain {
			break
		}
		letter := unicode.IsLetter(r) && r != utf8.RuneError
		plain = letter || i > 0 && (unicode.IsDigit(r) || strings.ContainsRune("-_./+'", r))
	}
	if plain {
		return s
	}
	if short := cut(s, mostString); short != s {
		return strconv.Quote(strings.TrimSuffix(short, "…")) + "…"
	}
	return strconv.Quote(s)
}

// inLine is a string as it stands in a table's cell: in a line, with what cannot be seen escaped.
func inLine(s string) string {
	short := cut(s, mostString)
	if s == "" {
		return `""`
	}
	for _, r := range short {
		if r != ' ' && !unicode.IsPrint(r) || r == utf8.RuneError {
			q := strconv.Quote(strings.TrimSuffix(short, "…"))
			if short != s {
				q += "…"
			}
			return q
		}
	}
	return short
}

// cut shortens a text to at most n bytes, whole runes, and "…".
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
