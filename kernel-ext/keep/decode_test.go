package keep

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
)

type fuzzed struct {
	N     int
	Text  string
	Next  *fuzzed
	List  []fuzzed
	Any   any
	Map   map[string]*fuzzed
	Keys  map[any]int
	F     func(int) int
	When  time.Time
	Err   error
	Sync  *sync.Map
	Array [3][]string
	Kept  *standing
	Bytes []byte
}

// standing has a stand-in.
type standing struct{ n int }
type standingKept struct {
	N    int
	Self *fuzzed
}

func (s *standing) Kept() (any, error)        { return standingKept{N: s.n}, nil }
func (s standingKept) Restored() (any, error) { return &standing{s.N}, nil }
func fuzzedCode() map[string]any {
	return map[string]any{"main.double": func(n int) int { return 2 * n }}
}
func fuzzedVars(x *fuzzed, y *[]any) []Var { return []Var{{Name: "x", At: x}, {Name: "y", At: y}} }
func (s *session) file(t testing.TB) []byte {
	w := newWalk(s)
	var roots []int32
	for _, v := range s.vars {
		roots = append(roots, w.root(v.p, v.typ))
	}
	w.all()
	list, why, mark := w.settle(s.vars, roots)
	if slices.Max(why) != "" {
		t.Fatal(why)
	}
	w.joinAll(list, mark)
	var members []member
	for i, v := range s.vars {
		members = append(members, member{name: v.Name, typ: v.typ, thing: w.nodes[roots[i]].thing, index: i})
		list[w.nodes[roots[i]].thing].variable = i
	}
	_, file, err := encode(w, s.print, list, members)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func fuzzSession(t testing.TB, x *fuzzed, y *[]any) *session {
	s := &session{Program: Program{Code: fuzzedCode()}}
	s.ls = newLayouts(nil)
	s.print, s.finder, s.code, s.names, s.blocks = newPrinter(s.ls), newFinder(nil), newCode(s.Code, nil), newGlobals(ownGlobals()), &mappings{}
	for _, v := range fuzzedVars(x, y) {
		if err := s.add(v); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func fuzzExample() (*fuzzed, []any) {
	x := &fuzzed{N: 5, Text: "text", Any: []any{1, "two", 3.0, [2]int{4, 5}}, Err: errors.New("e"), When: time.Unix(5, 6), Bytes: make([]byte, 300)}
	x.Next = &fuzzed{Next: x, Text: strings.Repeat("long", 1000), Kept: &standing{7}}
	x.List = make([]fuzzed, 3, 5)
	x.List[1].Next = &x.List[2]
	x.Map = map[string]*fuzzed{"a": x, "b": nil, "c": &x.List[0]}
	x.Keys = map[any]int{1: 1, "k": 2, [2]string{"a", "b"}: 3, x: 4}
	x.Sync = &sync.Map{}
	x.Sync.Store("k", x)
	x.Array[1] = []string{"p", "q"}
	return x, []any{x, &x.N, x.Keys, standing{3}, x.Bytes[5:9]}
}

func (s *session) decode(file []byte, x *fuzzed, y *[]any) (err error) {
	defer func() {
		if recover() != nil {
			err = errFile
		}
	}()
	d := &decoder{ls: s.ls, code: s.code, names: s.names, finder: s.finder, print: s.print}
	d.block = func(int, uintptr, unsafe.Pointer) (unsafe.Pointer, error) { return nil, errFile }
	if err := d.open(file); err != nil {
		return err
	}
	d.losses()
	return d.restore(func(i int) unsafe.Pointer {
		t := &d.things[d.vars[i].thing]
		switch {
		case i == 0 && d.suits(t, reflect.TypeFor[fuzzed]()):
			return unsafe.Pointer(x)
		case i == 1 && d.suits(t, reflect.TypeFor[[]any]()):
			return unsafe.Pointer(y)
		}
		return nil
	})
}

func TestDecode(t *testing.T) {
	x, y := fuzzExample()
	s := fuzzSession(t, x, &y)
	file := s.file(t)
	var x2 fuzzed
	var y2 []any
	if err := s.decode(file, &x2, &y2); err != nil {
		t.Fatal(err)
	}
	if x2.Next.Next != &x2 || y2[1] != any(&x2.N) || x2.Keys[&x2] != 4 || x2.Next.Kept.n != 7 || x2.Any.([]any)[3] != [2]int{4, 5} || &y2[4].([]byte)[0] != &x2.Bytes[5] {
		t.Errorf("%+v %v", x2, y2)
	}
	if again := fuzzSession(t, &x2, &y2).file(t); len(again) != len(file) {
		t.Errorf("%d bytes, then %d", len(file), len(again))
	}
	for n := range len(file) {
		var x fuzzed
		var y []any
		if s.decode(file[:n:n], &x, &y) == nil {
			t.Errorf("the first %d bytes of %d were taken for all", n, len(file))
		}
	}
}

// FuzzDecode gives a decoder what no encoder has written. It must end, with memory in proportion to what it was given.
func FuzzDecode(f *testing.F) {
	x, y := fuzzExample()
	f.Add(fuzzSession(f, x, &y).file(f))
	f.Add([]byte(fileMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		var x fuzzed
		var y []any
		s := fuzzSession(t, &x, &y)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := s.decode(file, &x, &y)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 4<<20+uint64(len(file))*2000 {
			t.Errorf("%d bytes were taken for a file of %d: %v", taken, len(file), err)
		}
	})
}

func TestComponents(t *testing.T) {
	got := fmt.Sprint(components([][]int32{{1}, {2}, {0, 3}, {4}, nil, {4}}))
	if got != "[[4] [3] [2 1 0] [5]]" {
		t.Error(got)
	}
}

func TestDescribe(t *testing.T) {
	for typ, want := range map[reflect.Type]string{
		reflect.TypeFor[map[string]*fuzzed]():            `map[string]*"gantry.local/kernel-ext/keep".fuzzed [gantry.local/kernel-ext/keep] false`,
		reflect.TypeFor[[3]time.Time]():                  `[3]"time".Time [time] true`,
		reflect.TypeFor[func(int, ...time.Time) error](): `func(int, ..."time".Time) (error) [time] true`,
		reflect.TypeFor[struct {
			A int `json:"a"`
			B []any
		}](): `struct { A int "json:\"a\""; B []any; } [] true`,
		reflect.TypeFor[pairOf[time.Duration, []*pairOf[int, error]]](): `"gantry.local/kernel-ext/keep".pairOf["time".Duration,[]*"gantry.local/kernel-ext/keep".pairOf[int,error]] [gantry.local/kernel-ext/keep time] false`,
		reflect.TypeFor[interface{ M() }]():                             `interface { keep.M() } [] false`,
	} {
		d := describe(typ)
		if got := fmt.Sprint(d.Expr, " ", d.Packages, " ", d.Nameable); got != want && typ.Kind() != reflect.Interface {
			t.Errorf("%s\n%s", got, want)
		}
	}
}

type pairOf[A, B any] struct {
	A A
	B B
}
