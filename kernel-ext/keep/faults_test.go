package keep_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry.local/kernel-ext/keep/store"
)

// TestKilled kills a cell two hundred times while it keeps its values. The state before it is always whole, and the one after
// it is there whole or not at all.
func TestKilled(t *testing.T) {
	nb := newNotebook(t, "", "n int", "big []uint64", "text []string", "m map[int]*int")
	nb.run(cell{body: `n = 1; big = make([]uint64, 200000)`})
	program := nb.build(cell{imports: []string{"strconv", "fmt"}, body: `
for i, v := range big { if v != uint64(n-1) && n > 1 { panic(fmt.Sprint(i, v, n)) } }
if n > 1 && (len(text) != 5000 || text[70] != strconv.Itoa(n-1) || len(m) != 3000 || *m[7] != n-1) { panic("text") }
text, m = make([]string, 5000), map[int]*int{}
for i := range big { big[i] = uint64(n) }
for i := range text { text[i] = strconv.Itoa(n) }
for i := range 3000 { v := n; m[i] = &v }
n++
fmt.Println("end")`})
	rng := rand.New(rand.NewPCG(1, 2))
	whole, cut := 0, 0
	for i := range 200 {
		nb.cells++
		to := fmt.Sprintf("m%d", nb.cells)
		cmd := nb.command(program, to)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 4)
		if _, err := out.Read(said); err != nil || string(said) != "end\n" {
			cmd.Wait()
			t.Fatalf("round %d: the cell found something else than what was kept: %v", i, err)
		}
		<-time.After(time.Duration(rng.IntN(6000)) * time.Microsecond) // what is tested is a moment that nobody chose
		cmd.Process.Kill()
		cmd.Wait()
		if _, err := store.ReadManifest(nb.values, nb.from); err != nil {
			t.Fatalf("round %d: the state before is gone: %v", i, err)
		}
		switch _, err := store.ReadManifest(nb.values, to); {
		case err == nil:
			whole++
			if i%2 == 0 { // the kernel may adopt it
				nb.from = to
			}
		case errors.Is(err, os.ErrNotExist):
			cut++
		default:
			t.Fatalf("round %d: a half-kept state: %v", i, err)
		}
		if err := store.Sweep(nb.values, nb.from); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("killed before the state was there %d times, after it %d times", cut, whole)
	if cut == 0 || whole == 0 {
		t.Error("all kills came on one side of the moment that matters")
	}
	nb.run(cell{body: `if n > 1 && big[5] != uint64(n-1) { panic("after all") }`})
}

// TestDamage: whatever happened to a file, the cell that needs it fails and says so.
func TestDamage(t *testing.T) {
	nb := newNotebook(t, "", "x []int", "big []byte", "array [100000]byte", "n int")
	nb.run(cell{body: `x = []int{1, 2, 3}; big = make([]byte, 200000); big[7] = 1; array[9] = 9; n = 5`})
	program := nb.build(cell{body: `println(len(x), big[7], array[9])`})
	beside := nb.build(cell{body: `n++`, only: []string{"n"}})
	entries, err := os.ReadDir(nb.values)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func(b []byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)*2/3] ^= 4; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"empty":   func(b []byte) []byte { return nil },
		"longer":  func(b []byte) []byte { return append(b, 0) },
		"zeroed":  func(b []byte) []byte { clear(b[len(b)/2:]); b[len(b)-1]++; return b },
		"gone":    nil,
	}
	tried := 0
	m := nb.manifest()
	needed := append(m.Files(), nb.from)
	own := m.Clusters[m.Value("n").Cluster].File
	for _, e := range entries {
		path := filepath.Join(nb.values, e.Name())
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !contains(needed, e.Name()) {
			t.Errorf("%s is of no use", e.Name())
		}
		for how, damage := range damages {
			if damage == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, damage(append([]byte(nil), whole...)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			from := nb.from
			said, err := nb.start(program)
			if err == nil || !strings.HasPrefix(said, "gantry: values are not brought back: ") || strings.Count(said, "\n") != 1 || !strings.Contains(said, e.Name()) {
				t.Errorf("%s is %s: %v, %q", e.Name(), how, err, said)
			}
			nb.from = from
			if e.Name() != from && e.Name() != own {
				if said, err := nb.start(beside); err != nil {
					t.Errorf("%s is %s, and a cell that does not need it fails: %s", e.Name(), how, said)
				}
				nb.from = from
			} else if _, err := store.ReadManifest(nb.values, from); e.Name() == from && damage != nil && !errors.Is(err, store.ErrDamaged) {
				t.Errorf("the manifest is %s: %v", how, err)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			tried++
		}
	}
	if tried != len(damages)*7 { // a manifest, four clusters, two blocks
		t.Errorf("%d damages", tried)
	}
	if said, err := nb.start(program); err != nil {
		t.Errorf("what is whole again: %s", said)
	}
}

// TestDiskFull: a cell whose values find no room fails, says so in one line, and leaves the state before it.
func TestDiskFull(t *testing.T) {
	nb := newNotebook(t, "", "x []int", "text []string")
	nb.run(cell{body: `x = []int{1}`})
	for what, body := range map[string]string{
		"a block":    `x = make([]int, 100000)`,
		"a cluster":  `for range 5000 { text = append(text, "something") }`,
		"a manifest": `limit.Cur = 10`,
	} {
		from := nb.from
		said, err := nb.try(cell{imports: []string{"syscall", "os/signal"}, body: `
signal.Ignore(syscall.SIGXFSZ)
var limit syscall.Rlimit
if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil { panic(err) }
limit.Cur = 20000
` + body + `
if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil { panic(err) }`})
		if err == nil || !strings.HasPrefix(said, "gantry: values are not kept: ") || strings.Count(said, "\n") != 1 {
			t.Errorf("no room for %s: %v, %q", what, err, said)
		}
		if nb.from != from {
			t.Fatal("the state was adopted")
		}
		if _, err := store.ReadManifest(nb.values, fmt.Sprintf("m%d", nb.cells)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("no room for %s, and a manifest is there: %v", what, err)
		}
		nb.run(cell{body: `if len(x) != 1 || text != nil { fail("the state before") }`})
	}
}

// TestGoroutines: what a goroutine changes while it is kept is kept as it was at some moment, or not, with the reason.
func TestGoroutines(t *testing.T) {
	nb := newNotebook(t, "type N struct{ next *N; list []int }", "n *N", "quiet []int", "count int")
	program := nb.build(cell{body: `quiet = []int{1, 2, 3}; n = &N{}; go func() { for i := 0; ; i++ { n.next = &N{list: make([]int, i%50)}; n.list = append(n.list, i); if i%1000 == 0 { n.list = nil } } }()
for n.next == nil { count++ }`})
	for range 20 {
		if said, err := nb.start(program); err != nil {
			t.Fatal(said, err)
		}
		m := nb.manifest()
		if v := m.Value("quiet"); v == nil || v.Cluster == store.NotKept {
			t.Fatalf("%+v", v)
		}
		if v := m.Value("n"); v.Why != "" && !strings.Contains(v.Why, "it was changed while it was being kept") {
			t.Fatalf("%+v", v)
		}
		nb.from = ""
	}
}

// TestNothingAsked: without the environment of a kernel a program is as if nothing were there.
func TestNothingAsked(t *testing.T) {
	nb := newNotebook(t, "", "x int")
	nb.run(cell{body: `x = 1`})
	program := nb.build(cell{body: `println(x)`})
	nb.values = ""
	if said, err := nb.start(program); err != nil || said != "0\n" {
		t.Errorf("%v, %q", err, said)
	}
}
