package keep_test

import (
	"os"
	"strings"
	"testing"

	"gantry.local/kernel-ext/keep/store"
)

// TestWhy: a variable that leads to what cannot be kept is not kept, with the reason and the way to it; those beside it are.
func TestWhy(t *testing.T) {
	declare := `
type S struct{ a int; conn C }
type C struct{ done chan int; f *os.File }
//go:noinline
func counter() func() int { n := 0; return func() int { n++; return n } }
type Bad struct{ n int }
func (b *Bad) Kept() (any, error) { return nil, errors.New("no room\nfor it") }
type Odd struct{ n int }
func (o *Odd) Kept() (any, error) { return 5, nil }
type Panics struct{ n int }
func (p Panics) Kept() (any, error) { panic("oops") }
type Loop struct{ n int }
type loopKept struct{ l *Loop }
func (l *Loop) Kept() (any, error) { return loopKept{l}, nil }
func (l loopKept) Restored() (any, error) { return &Loop{}, nil }
func generic[T any](t T) T { return t }
type Acc[T any] struct{ n T; c int }
func (a *Acc[T]) Add() { a.c++ }
`
	want := map[string]string{
		"ch":       "a channel",
		"s":        "a channel (s.conn.done)",
		"deep":     `a channel (deep["k"][2].conn.done)`,
		"file":     "an open file",
		"field":    "an open file (field.conn.f)",
		"uptr":     "an unsafe pointer",
		"count":    "a function with variables of its own (main.counter.func1)",
		"bound":    "a method of a value (main.(*Acc[...]).Add)",
		"ctx":      "a context that can be cancelled",
		"timer":    "a running timer",
		"value":    "a reflect.Value",
		"bad":      "main.Bad: no room for it",
		"odd":      "main.Odd: its stand-in has no method Restored() (any, error)",
		"panics":   "main.Panics: oops",
		"loop":     "main.Loop: its stand-in leads back to it",
		"gen":      "a generic function",
		"mapped":   "memory outside of Go's",
		"pointer":  "a channel (pointer.conn.done)",
		"listener": "an open file or connection",
		"cyc":      "a channel (cyc.next.ch)",
	}
	kept := []string{"fine", "alias", "zeroFile", "n"}
	nb := newNotebook(t, declare+"type Cyc struct{ next *Cyc; ch chan int }\n",
		"ch chan int", "s S", "deep map[string][]S", "file *os.File", "field *S", "uptr unsafe.Pointer", "count func() int", "bound func()",
		"ctx context.Context", "timer *time.Timer", "value reflect.Value", "bad *Bad", "odd *Odd", "panics Panics", "loop *Loop",
		"gen func(int) int", "mapped []byte", "pointer *S", "listener net.Listener", "cyc *Cyc",
		"fine *S", "alias []*S", "zeroFile S", "n int")
	nb.run(cell{imports: []string{"os", "errors", "unsafe", "context", "time", "reflect", "net", "syscall"}, body: `
ch = make(chan int); s.conn.done = ch; deep = map[string][]S{"k": {{}, {}, {conn: C{done: ch}}}}
file, _ = os.Open("/dev/null"); field = &S{conn: C{f: file}}; uptr = unsafe.Pointer(&s); count = counter(); bound = new(Acc[int]).Add
var cancel func(); ctx, cancel = context.WithCancel(context.Background()); defer cancel()
timer = time.NewTimer(time.Hour); value = reflect.ValueOf(5); bad = &Bad{1}; odd = &Odd{}; panics.n = 1; loop = &Loop{}; gen = generic[int]
mapped, _ = syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_ANON|syscall.MAP_PRIVATE)
pointer = &s; listener, _ = net.Listen("tcp", "127.0.0.1:0"); cyc = &Cyc{next: &Cyc{ch: ch}}; cyc.next.next = cyc
fine = &S{a: 5}; alias = []*S{fine}; n = 7`})
	m := nb.manifest()
	for name, why := range want {
		v := m.Value(name)
		switch {
		case v == nil:
			t.Errorf("%s is not in the manifest", name)
		case v.Cluster != store.NotKept:
			t.Errorf("%s is kept, but it is %s", name, why)
		case v.Why != why && !(name == "listener" && strings.HasPrefix(v.Why, why)):
			t.Errorf("%s is not kept for %q; want %q", name, v.Why, why)
		}
	}
	for _, name := range kept {
		if v := m.Value(name); v == nil || v.Cluster == store.NotKept {
			t.Errorf("%s is not kept: %+v", name, v)
		}
	}
	// A cell that lists all of them finds the others, and the reasons stay.
	nb.run(cell{imports: []string{"os", "errors", "unsafe", "context", "time", "reflect", "net"}, body: `_ = errors.New
if ch != nil || s.conn.done != nil || count != nil { fail("what is not kept is there") }
if fine.a != 5 || alias[0] != fine || n != 7 { fail("what is kept is not") }
bad = &Bad{2}; n++`})
	if v := nb.manifest().Value("ch"); v == nil || v.Why != "a channel" || v.Cell != 1 {
		t.Errorf("the reason did not stay: %+v", v)
	}
}

// TestTypeChanges: a value whose type has changed its shape is not brought back, and no other is harmed.
func TestTypeChanges(t *testing.T) {
	nb := newNotebook(t, "", "p Point", "list []*Point", "a any", "n int", "other map[string]int", "pair [2]any")
	nb.run(cell{declare: "type Point struct{ X, Y int }", body: `p = Point{1, 2}; list = []*Point{&p}; a = &n; n = 4; other = map[string]int{"k": 1}; pair = [2]any{Point{}, 1}`})
	for _, name := range []string{"p", "list", "pair"} {
		if v := nb.manifest().Value(name); len(v.Types) != 1 || v.Types[0].Name != "Point" {
			t.Errorf("%s is made of %v, not of Point", name, v.Types)
		}
	}
	nb.run(cell{declare: "type Point struct{ X, Y float64 }", body: `
if p.X != 0 || list != nil || pair[0] != nil { fail("a value of the old shape is there") }
if n != 4 || other["k"] != 1 || a != any(&n) { fail("another value is not") }`})
	for _, name := range []string{"p", "list", "pair"} {
		if v := nb.manifest().Value(name); v.Cluster != store.NotKept || !strings.Contains(v.Why, "Point") || !strings.Contains(v.Why, "has changed") || !v.Changed {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestClusters: what a cell does not list costs it nothing and stays as it is, and what it lists and leaves alone keeps its
// file.
func TestClusters(t *testing.T) {
	nb := newNotebook(t, "", "a []int", "b []int", "c string", "d map[string]int")
	nb.run(cell{body: `a = []int{1, 2, 3}; b = a[1:]; c = "text"; d = map[string]int{"x": 1, "y": 2, "z": 3}`})
	first := nb.manifest()
	file := func(m *store.Manifest, name string) string { return m.Clusters[m.Value(name).Cluster].File }
	if file(first, "a") != file(first, "b") || file(first, "a") == file(first, "c") {
		t.Errorf("what shares memory is one cluster, what does not is not: %v", first.Values)
	}
	if size := first.Value("a").Size; size < 24+24 || size > 200 {
		t.Errorf("a has %d bytes", size)
	}
	nb.run(cell{only: []string{"c"}, body: `c += "!"`})
	second := nb.manifest()
	if file(second, "a") != file(first, "a") || file(second, "c") == file(first, "c") {
		t.Error("what was not listed was written, or what was changed was not")
	}
	nb.run(cell{body: `if b[0] != 2 || c != "text!" || d["z"] != 3 { fail("values") }`})
	third := nb.manifest()
	for _, name := range []string{"a", "c", "d"} {
		if file(third, name) != file(second, name) {
			t.Errorf("%s was not changed, and written again", name)
		}
	}
	// b shares its memory with a, and is kept although the program does not know it.
	nb.run(cell{only: []string{"a"}, body: `a[1] = 20`})
	nb.run(cell{body: `if b[0] != 20 || &b[0] != &a[1] { fail("b has lost its memory") }`})
	// A variable that is declared anew starts as zero; what shared memory with the old one keeps it.
	nb.run(cell{fresh: []string{"a"}, body: `if a != nil || b[0] != 20 { fail("a new variable") }; a = []int{9}`})
	nb.run(cell{body: `if a[0] != 9 || b[0] != 20 { fail("after it") }`})
	m := nb.manifest().Without("a", "b")
	if m.Value("a") != nil || len(m.Clusters) != 2 || m.Value("c").Cluster < 0 {
		t.Errorf("%+v", m)
	}
	if err := m.Write(nb.values, "without"); err != nil {
		t.Fatal(err)
	}
	if err := store.Sweep(nb.values, "without"); err != nil {
		t.Fatal(err)
	}
	nb.from = "without"
	entries, _ := os.ReadDir(nb.values)
	if len(entries) != 3 {
		t.Errorf("%d files are left, not a manifest and two clusters", len(entries))
	}
	nb.run(cell{body: `if a != nil || c != "text!" { fail("after forgetting") }`})
}

// TestStandIns: what fails to come back is told by its name; what nobody asks for is not tried.
func TestStandIns(t *testing.T) {
	declare := `
type Door struct{ name string }
type doorKept struct{ name string }
func (d *Door) Kept() (any, error) { return doorKept{d.name}, nil }
func (k doorKept) Restored() (any, error) { if k.name == "stuck" { return nil, errors.New("the door is stuck") }; return &Door{k.name}, nil }
type House struct { *Door; rooms int }
`
	nb := newNotebook(t, declare, "door *Door", "n int", "house House")
	imports := []string{"errors"}
	nb.run(cell{imports: imports, body: `door = &Door{"open"}; house = House{door, 4}`})
	nb.run(cell{imports: imports, body: `if door.name != "open" || house.rooms != 4 || house.Door != door { fail("what embeds a keeper") }; door.name = "stuck"`})
	if said, err := nb.try(cell{imports: imports, body: ``}); err == nil || said != "gantry: values are not brought back: door, house cannot be brought back: main.Door: the door is stuck\n" {
		t.Errorf("%v, %q", err, said)
	}
	nb.run(cell{imports: imports, only: []string{"n"}, body: `n = 5`})
	if v := nb.manifest().Value("door"); v == nil || v.Cluster == store.NotKept || len(nb.manifest().Clusters[v.Cluster].StandIns) != 1 {
		t.Errorf("%+v", v)
	}
}

// TestOld: the value of a name's former declaration is there under another variable while the name is declared anew.
func TestOld(t *testing.T) {
	nb := newNotebook(t, "", "x int", "p *int")
	nb.run(cell{body: `x = 1; p = &x`})
	nb.vars = []string{"p"}
	nb.types = []string{"*int"}
	nb.oldVars = `{Name: "x", At: &oldX, Old: true}, {Name: "x", At: &x, New: true},`
	nb.run(cell{declare: "var oldX int\nvar x string", body: `if oldX != 1 || p != &oldX { fail("the old one") }; x = string(rune('a' + oldX)); *p = 5`})
	nb.oldVars = ""
	nb.vars, nb.types = []string{"x", "p"}, []string{"string", "*int"}
	nb.run(cell{body: `if x != "b" || *p != 5 { fail("the new one") }`})
	if v := nb.manifest().Value("x"); v.Cell != 2 || v.Type != "string" {
		t.Errorf("%+v", v)
	}
}

// TestReturnsBefore: a cell that ends before it declares a name anew leaves what is kept under it, whether it has brought that back or not.
func TestReturnsBefore(t *testing.T) {
	for _, old := range []string{"", `{Name: "x", At: &oldX, Old: true}, `} {
		nb := newNotebook(t, "", "x int", "p *int")
		nb.run(cell{body: `x = 1; p = &x`})
		if old == "" {
			nb.vars, nb.types = nil, nil
		} else {
			nb.vars, nb.types = []string{"p"}, []string{"*int"}
		}
		nb.oldVars = old + `{Name: "x", At: &x, New: true, Now: &now},`
		nb.run(cell{declare: "var now *int\nvar x, oldX int", body: `if oldX != 0 { oldX++ }`})
		nb.oldVars, nb.vars, nb.types = "", []string{"x", "p"}, []string{"int", "*int"}
		nb.run(cell{body: `if p != &x || x != ` + map[bool]string{true: "1", false: "2"}[old == ""] + ` { fail("the old one") }`})
		if v := nb.manifest().Value("x"); v.Cell != 1 {
			t.Errorf("%+v", v)
		}
		nb.oldVars, nb.vars, nb.types = `{Name: "x", At: &x, New: true, Now: &now},`, []string{"p"}, []string{"*int"}
		nb.run(cell{declare: "var now *int\nvar x int", body: `x, now = 7, &x`})
		if v := nb.manifest().Value("x"); v.Cell != 4 {
			t.Errorf("%+v", v)
		}
	}
}

// TestSnapshot: the same program, started again elsewhere, finds what it found, whatever became of it since.
func TestSnapshot(t *testing.T) {
	nb := newNotebook(t, "", "x []int", "y string")
	nb.run(cell{body: `x = make([]int, 100000); x[5] = 5; y = "y"`})
	dir := t.TempDir()
	nb.run(cell{imports: []string{"os", "os/exec", "fmt"}, body: `
if os.Getenv("AGAIN") != "" { if x[5] != 5 || y != "y" { fail("the values of the start") }; fmt.Print("again"); if failed { panic("failed") }; keep.End(); return }
x[5], y = 6, "z"
env, err := keep.Snapshot(os.Getenv("SNAPSHOT")); if err != nil { panic(err) }
cmd := exec.Command(os.Args[0]); cmd.Env = append(append(os.Environ(), env...), "AGAIN=1")
if out, err := cmd.CombinedOutput(); err != nil || string(out) != "again" { fail(string(out)) }`, env: []string{"SNAPSHOT=" + dir}})
	nb.run(cell{body: `if x[5] != 6 || y != "z" { fail("what the first left") }`})
	if entries, _ := os.ReadDir(dir); len(entries) != 4 {
		t.Errorf("%d files in the snapshot, not a manifest, two clusters and a block", len(entries))
	}
}
