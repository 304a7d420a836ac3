package keep_test

import (
	"os"
	"strings"
	"testing"
	"time"
)

const bigDeclare = `
type Node struct { V int; Next *Node; Name string }
`

// TestLongList keeps what a walk that calls itself could not.
func TestLongList(t *testing.T) {
	nb := newNotebook(t, bigDeclare, "first *Node", "boxes any", "count int")
	nb.run(cell{body: `for i := range 1000000 { first = &Node{V: i, Next: first}; boxes = [1]any{boxes} }`})
	began := time.Now()
	nb.run(cell{body: `for n := first; n != nil; n = n.Next { count += n.V }
for b := boxes; b != nil; b = b.([1]any)[0] { count++ }
if count != 499999500000 + 1000000 { fail("the list") }`})
	t.Logf("a list of a million nodes comes and goes in %v", time.Since(began))
}

// BenchmarkLarge measures what a slice of 100 MB costs a cell: one that does not list it, one that reads it, one that
// changes it.
func BenchmarkLarge(b *testing.B) {
	nb := newNotebook(b, "", "big []float64", "n int")
	nb.run(cell{body: `big = make([]float64, 100<<20/8); for i := range big { big[i] = float64(i) }`})
	for _, c := range []struct {
		name string
		cell
	}{
		{"Beside", cell{body: `n++`, only: []string{"n"}}},
		{"Listed", cell{body: `n = len(big)`}},
		{"ReadLoop", cell{body: `s := 0.0; for _, v := range big { s += v }; n = int(s)`}},
		{"Change", cell{body: `for i := range big { big[i]++ }`}},
		{"ChangeOne", cell{body: `big[1000]++`}},
	} {
		program := nb.build(c.cell)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if said, err := nb.start(program); err != nil {
					b.Fatal(said, err)
				}
			}
		})
	}
	entries, _ := os.ReadDir(nb.values)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "m") {
			b.Errorf("%s lies in the folder", e.Name())
		}
	}
}
