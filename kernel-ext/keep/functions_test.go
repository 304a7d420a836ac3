package keep_test

import (
	"strings"
	"testing"

	"gantry.local/kernel-ext/keep/store"
)

// TestFunctions: a function is kept by its name, found if the linker has it, and not brought back under a name that now
// means another.
func TestFunctions(t *testing.T) {
	nb := newNotebook(t, "", "f func(int) int", "lib func(string) string", "list []any", "lit func() int", "n int")
	nb.code = `"main.f1": f1, "main.gantryLit1_1": gantryLit1_1,`
	lits := "\n//go:noinline\nfunc gantryLit1_1(n *int) func() int { return func() int { *n++; return *n } }\n"
	nb.run(cell{imports: []string{"strings"}, declare: "func f1(n int) int { return n + 1 }\nfunc maker() func(int) int { return func(n int) int { return n } }" + lits,
		body: `f = f1; lib = strings.ToUpper; list = []any{f1, strings.ToLower, strings.TrimSpace}; lit = gantryLit1_1(&n)`})
	m := nb.manifest()
	if c := m.Clusters[m.Value("list").Cluster]; strings.Join(c.Code, " ") != "main.f1 strings.ToLower strings.TrimSpace" {
		t.Error(c.Code)
	}
	// What the linker has kept for others is found without being listed.
	nb.run(cell{imports: []string{"strings", "os"}, declare: "func f1(n int) int { return n + 10 }" + lits,
		body: `if f(1) != 11 || lib("a") != "A" || list[0].(func(int) int)(2) != 12 || lit() != 1 || lit() != 2 || n != 2 { fail("functions") }
if strings.ToUpper(strings.ToLower(strings.TrimSpace(os.Args[0]))) == "" { fail("the name of the program") }`})
	// A name that means a function of another type.
	nb.run(cell{imports: []string{"strings", "os"}, declare: "func f1(s string) string { return s }\nfunc gantryLit1_1(n *string) func() int { return nil }",
		body: `if f != nil || list != nil || lit != nil || lib("b") != "B" || n != 2 { fail("functions of another type") }
if strings.ToUpper(strings.ToLower(strings.TrimSpace(os.Args[0]))) == "" { fail("the name of the program") }`})
	for _, name := range []string{"f", "list", "lit"} {
		if v := nb.manifest().Value(name); v.Cluster != store.NotKept || !strings.Contains(v.Why, "has changed") || !v.Changed {
			t.Errorf("%s: %+v", name, v)
		}
	}
	// A literal in a function has no name that is sure to mean it in the next cell.
	nb.run(cell{declare: "func f1(n int) int { return n }\n//go:noinline\nfunc maker() func(int) int { return func(n int) int { return n } }" + lits, body: `f = maker()`, only: []string{"f"}})
	if v := nb.manifest().Value("f"); v.Why != "a function that has no name of its own (main.maker.func1)" {
		t.Errorf("%+v", v)
	}
	// One that is in no list and not linked is missed by its name.
	said, err := nb.try(cell{declare: "func f1(n int) int { return n }" + lits, body: ``, only: []string{"lib"}})
	if err == nil || said != "gantry: values are not brought back: lib needs the function strings.ToUpper, which is not in this program\n" {
		t.Errorf("%v %q", err, said)
	}
}

// TestBlocks: large memory has files of its own, which are written again only if it has changed.
func TestBlocks(t *testing.T) {
	declare := `
type W struct{ weights []float32 }
type wKept struct{ Weights []float32 }
func (w *W) Kept() (any, error) { return wKept{append([]float32(nil), w.weights...)}, nil }
func (k wKept) Restored() (any, error) { return &W{k.Weights}, nil }
`
	nb := newNotebook(t, declare, "big []int64", "part []int64", "text string", "array [70000]byte", "w *W", "n int")
	blocks := func() string {
		var files []string
		for _, name := range []string{"big", "text", "array", "w"} {
			m := nb.manifest()
			for _, b := range m.Clusters[m.Value(name).Cluster].Blocks {
				files = append(files, name+":"+b.File)
			}
		}
		return strings.Join(files, " ")
	}
	nb.run(cell{imports: []string{"strings"}, body: `big = make([]int64, 100000); part = big[10:20]; text = strings.Repeat("x", 80000); array[5] = 5; w = &W{make([]float32, 50000)}; w.weights[3] = 3`})
	first := blocks()
	if strings.Count(first, ":") != 4 {
		t.Fatal(first)
	}
	nb.run(cell{body: `if big[99999] != 0 || len(text) != 80000 || array[5] != 5 || w.weights[3] != 3 { fail("values") }; n++`})
	if got := blocks(); got != first {
		t.Errorf("nothing has changed, but the files have:\n%s\n%s", first, got)
	}
	nb.run(cell{body: `part[0] = 7; array[5] = 6; w.weights[3] = 4; text += "y"; big = append(big, 5)`})
	for i, file := range strings.Fields(blocks()) {
		if strings.Contains(first, file) {
			t.Errorf("%s was changed and not written", strings.Fields(first)[i])
		}
	}
	nb.run(cell{body: `if len(big) != 100001 || big[10] != 7 || part[0] != 7 || array[5] != 6 || w.weights[3] != 4 || text[80000] != 'y' { fail("changes") }
big = big[50000:]; part = nil`})
	nb.run(cell{body: `if len(big) != 50001 || big[50000] != 5 { fail("the rest of a block") }
big = append(big, 6); clear(big[:100])`})
	nb.run(cell{body: `if big[50001] != 6 { fail("an append to a block") }`})
}

// TestRace keeps values in programs that look for races.
func TestRace(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's runtime is compiled for it")
	}
	flags := []string{"-race", "-gcflags=all=-d=checkptr=0", "-ldflags="}
	nb := newNotebook(t, "type N struct{ next *N; m map[string][]int; s string }", "n *N", "big []int", "mu sync.Mutex", "a any")
	nb.run(cell{flags: flags, imports: []string{"sync"}, body: `n = &N{m: map[string][]int{"a": {1}}, s: "s"}; n.next = n; big = make([]int, 50000); a = big[5:6]
var wg sync.WaitGroup
for i := range 4 { wg.Go(func() { mu.Lock(); big[5] += i; mu.Unlock() }) }
wg.Wait()`})
	nb.run(cell{flags: flags, imports: []string{"sync"}, body: `if n.next != n || n.m["a"][0] != 1 || a.([]int)[0] != 6 { fail("values") }
var wg sync.WaitGroup
for range 4 { wg.Go(func() { mu.Lock(); big[5]++; n.m["a"][0]++; mu.Unlock() }) }
wg.Wait()`})
	nb.run(cell{flags: flags, imports: []string{"sync"}, body: `mu.Lock(); if n.m["a"][0] != 5 || big[5] != 10 { fail("values") }`})
}
