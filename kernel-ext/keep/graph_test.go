package keep_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// graphDeclare has values of many kinds that point into one another, steps that change them at random, and a dump that shows
// each value and which pointers lead to one place.
const graphDeclare = `
type N struct {
	V int
	L, R *N
	S []*N
	Ints []int
	P *int
	A any
	M map[string]*N
	K map[*N]int
	Arr [3]int
	Str string
	F func() int
	Sub struct { X **N; Y []any; B []byte }
	T [2]Leaf
}
type Leaf struct { Q *int; W string; U *Leaf }

//go:noinline
func gantryLit1_1(n **N) func() int { return func() int { if *n == nil { return -1 }; (*n).V++; return (*n).V } }
func seven() int { return 7 }

type graph struct { r *rand.Rand; count int; nodes []*N; seen map[*N]bool; leaves []*Leaf }

func (g *graph) collect() {
	g.nodes, g.leaves, g.seen = nil, nil, map[*N]bool{}
	g.node(a); g.node(&b)
	for i := range c { g.node(&c[i]) }
	for _, k := range sorted(d) { g.node(d[k]) }
	g.any(e)
	g.node(*h)
}
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
func (g *graph) any(v any) {
	switch v := v.(type) {
	case *N: g.node(v)
	case N: g.node(v.L)
	case []*N: for _, n := range v { g.node(n) }
	case []any: for _, x := range v { g.any(x) }
	}
}
func (g *graph) node(n *N) {
	if n == nil || g.seen[n] || len(g.nodes) > 300 { return }
	g.seen[n] = true
	g.nodes = append(g.nodes, n)
	g.leaves = append(g.leaves, &n.T[0], &n.T[1])
	g.node(n.L); g.node(n.R)
	for _, x := range n.S { g.node(x) }
	for _, k := range sorted(n.M) { g.node(n.M[k]) }
	by := map[int]*N{}
	for x, i := range n.K { by[i] = x }
	for _, i := range sorted(by) { g.node(by[i]) }
	g.any(n.A)
	if n.Sub.X != nil { g.node(*n.Sub.X) }
	for _, x := range n.Sub.Y { g.any(x) }
}
func (g *graph) pick() *N { if len(g.nodes) == 0 || g.r.IntN(5) == 0 { g.count++; return &N{V: g.count} }; return g.nodes[g.r.IntN(len(g.nodes))] }
func (g *graph) int() *int {
	n := g.pick()
	switch g.r.IntN(5) {
	case 0: return &n.V
	case 1: return &n.Arr[g.r.IntN(3)]
	case 2: if len(n.Ints) > 0 { return &n.Ints[g.r.IntN(len(n.Ints))] }
	case 3: if len(f) > 0 { return &f[g.r.IntN(len(f))] }
	}
	return &g0
}
func (g *graph) step() {
	g.count++
	n, m := g.pick(), g.pick()
	switch g.r.IntN(26) {
	case 0: n.L = m
	case 1: n.R = m
	case 2: n.S = append(n.S, m)
	case 3: if len(m.S) > 1 { n.S = m.S[1:] }
	case 4: n.Ints = append(n.Ints, g.count)
	case 5: if len(m.Ints) > 1 { n.Ints = m.Ints[:len(m.Ints)-1] }
	case 6: n.P = g.int()
	case 7: if n.P != nil { *n.P += 3 }
	case 8: n.A = []any{m, *n, g.count, "t", []*N{m, n}, n.Ints, nil, [2]string{"x", "y"}, map[string]int{"q": g.count}, Leaf{Q: g.int()}}[g.r.IntN(10)]
	case 9: if n.M == nil { n.M = map[string]*N{} }; n.M[fmt.Sprint(g.count)] = m
	case 10: n.M = m.M
	case 11: if n.K == nil { n.K = map[*N]int{} }; n.K[m] = g.count
	case 12: n.Str += "grow"; if g.r.IntN(8) == 0 { n.Str = strings.Repeat("long", 400) }
	case 13: m.Str = n.Str
	case 14: if n.F == nil { n.F = gantryLit1_1(&n.L) } else { n.V += n.F() }
	case 15: n.F = seven
	case 16: n.Sub.X = &m.L
	case 17: n.Sub.Y = append(n.Sub.Y, m, g.count)
	case 18: n.Sub.B = append(n.Sub.B, make([]byte, g.r.IntN(100000))...); if len(n.Sub.B) > 0 { n.Sub.B[len(n.Sub.B)-1] = byte(g.count) }
	case 19: if len(m.Sub.B) > 10 { n.Sub.B = m.Sub.B[5:9:10] }
	case 20: a = n
	case 21: c = append(c, N{V: g.count, L: n}); if len(c) > 6 { c = c[2:] }
	case 22: d[g.count%7] = n
	case 23: e = n.A
	case 24: f = n.Ints; h = &n.R
	case 25: if len(g.leaves) > 0 { l := g.leaves[g.r.IntN(len(g.leaves))]; l.Q = g.int(); l.W += "w"; l.U = g.leaves[g.r.IntN(len(g.leaves))] }
	}
}

// mutate does the steps of one generation.
func mutate(seed, generation uint64) {
	if d == nil { d = map[int]*N{}; h = &a }
	g := &graph{r: rand.New(rand.NewPCG(seed, generation)), count: int(generation) * 1000}
	for range 150 { g.collect(); g.step() }
}

type dump struct { ids map[any]int; b strings.Builder; todo []func() }
func (d *dump) id(p any) int { i, ok := d.ids[p]; if !ok { i = len(d.ids); d.ids[p] = i }; return i }
func (d *dump) p(format string, v ...any) { fmt.Fprintf(&d.b, format, v...) }
func (d *dump) int(p *int) { if p == nil { d.p("nil "); return }; d.p("%d@%d ", *p, d.id(p)) }
func (d *dump) ints(s []int) { d.p("%d/%d[", len(s), cap(s)); s = s[:cap(s)]; for i := range s { d.int(&s[i]) }; d.p("] ") }
func (d *dump) ref(n *N) {
	if n == nil { d.p("nil "); return }
	_, known := d.ids[n]
	d.p("N%d ", d.id(n))
	if !known { d.todo = append(d.todo, func() { d.node(n) }) }
}
func (d *dump) leaf(l *Leaf) {
	if l == nil { d.p("nil "); return }
	_, known := d.ids[l]
	d.p("leaf%d", d.id(l))
	if !known { d.p("{"); d.int(l.Q); d.p("%s ", l.W); d.leaf(l.U); d.p("} ") }
}
func (d *dump) refs(s []*N) { d.p("%d/%d[", len(s), cap(s)); s = s[:cap(s)]; for i := range s { d.p("@%d ", d.id(&s[i])); d.ref(s[i]) }; d.p("] ") }
func (d *dump) any(v any) {
	d.p("%T ", v)
	switch v := v.(type) {
	case *N: d.ref(v)
	case N: d.body(&v)
	case []*N: d.refs(v)
	case []int: d.ints(v)
	case []any: for _, x := range v { d.any(x) }
	case Leaf: d.int(v.Q)
	default: d.p("%v ", v)
	}
}
func (d *dump) node(n *N) { d.p("\nN%d: ", d.id(n)); d.int(&n.V); d.body(n); d.leaf(&n.T[0]); d.leaf(&n.T[1]); d.p("@%d@%d ", d.id(&n.L), d.id(&n.R)); for i := range n.Arr { d.int(&n.Arr[i]) } }
func (d *dump) body(n *N) {
	d.ref(n.L); d.ref(n.R); d.refs(n.S); d.ints(n.Ints); d.int(n.P); d.any(n.A)
	if n.M != nil { d.p("M%d{", d.id(reflect.ValueOf(n.M).Pointer())); for _, k := range sorted(n.M) { d.p("%s:", k); d.ref(n.M[k]) }; d.p("}") }
	by := map[int]*N{}
	for x, i := range n.K { by[i] = x }
	for _, i := range sorted(by) { d.p("K%d:", i); d.ref(by[i]) }
	d.p("%q ", n.Str)
	d.p("F%v ", n.F != nil)
	if n.Sub.X == nil { d.p("nil ") } else { d.p("X@%d ", d.id(n.Sub.X)); d.ref(*n.Sub.X) }
	for _, x := range n.Sub.Y { d.any(x) }
	d.p("B%d/%d ", len(n.Sub.B), crc32.ChecksumIEEE(n.Sub.B))
	if cap(n.Sub.B) > 0 { s := n.Sub.B[:cap(n.Sub.B)]; d.p("@%d ", d.id(&s[len(s)-1])) }
}
func dumped() string {
	w := &dump{ids: map[any]int{}}
	w.ref(a); w.node(&b)
	for i := range c { w.node(&c[i]) }
	for _, k := range sorted(d) { w.p("d%d ", k); w.ref(d[k]) }
	w.any(e); w.ints(f); w.int(&g0); w.ref(*h); w.p("h@%d ", w.id(h))
	for len(w.todo) > 0 { do := w.todo[0]; w.todo = w.todo[1:]; do() }
	return w.b.String()
}
`

const graphBody = `
seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
first, last := uint64(generation), uint64(generation)
if os.Getenv("MODEL") != "" { first = 1 }
for g := first; g <= last; g++ { if g == 2 { runtime.GC() }; mutate(seed, g) }
os.WriteFile(os.Getenv("DUMP"), []byte(dumped()), 0o600)`

// TestGraphs makes graphs at random, keeps them through three generations of programs, and compares them after each with
// what one program has that does all of the steps.
func TestGraphs(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	imports := []string{"cmp", "fmt", "hash/crc32", "maps", "math/rand/v2", "os", "reflect", "runtime", "slices", "strconv", "strings"}
	maker := newNotebook(t, graphDeclare, "a *N", "b N", "c []N", "d map[int]*N", "e any", "f []int", "g0 int", "h **N")
	maker.code = `"main.gantryLit1_1": gantryLit1_1, "main.seven": seven,`
	maker.listed = "(*[]*N)(nil), (*[2]string)(nil), (*map[string]int)(nil), (*Leaf)(nil), (*[]int)(nil),"
	var programs []string
	const generations = 3
	for g := 1; g <= generations; g++ {
		programs = append(programs, maker.build(cell{imports: imports, body: graphBody, declare: fmt.Sprintf("const generation = %d\nvar pad [%d]*int", g, g*g*7)}))
	}
	for seed := range seeds {
		nb := newNotebook(t, "")
		for g := range generations {
			dir := t.TempDir()
			kept, model := filepath.Join(dir, "kept"), filepath.Join(dir, "model")
			env := []string{fmt.Sprintf("SEED=%d", seed), "DUMP=" + kept}
			if seed%4 == 1 {
				env = append(env, "GOGC=1", "GODEBUG=gccheckmark=1")
			}
			if said, err := nb.start(programs[g], env...); err != nil {
				t.Fatalf("seed %d, generation %d: %v\n%s", seed, g+1, err, said)
			}
			cmd := exec.Command(programs[g])
			cmd.Env = append(os.Environ(), fmt.Sprintf("SEED=%d", seed), "DUMP="+model, "MODEL=1")
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("seed %d, model: %v\n%s", seed, err, said)
			}
			for _, v := range nb.manifest().Values {
				if v.Why != "" {
					t.Fatalf("seed %d, generation %d: %s is not kept: %s", seed, g+1, v.Name, v.Why)
				}
			}
			got, _ := os.ReadFile(kept)
			want, _ := os.ReadFile(model)
			if len(want) == 0 || string(got) != string(want) {
				t.Fatalf("seed %d, generation %d: the values are not those of one program:\n%s", seed, g+1, difference(string(got), string(want)))
			}
		}
	}
}

// difference is where two texts part.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d of %d and %d:\n%.2000s\n%.2000s", i, len(g), len(w), g[i], w[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(g), len(w))
}
