package keep_test

import (
	"slices"
	"testing"

	"gantry.local/kernel-ext/keep/store"
)

// TestNeededTypes: a variable names the types of cells without which it cannot be brought back, also those that only lie around what it
// points to, and none of what merely shares its cluster.
func TestNeededTypes(t *testing.T) {
	nb := newNotebook(t, "type R struct { N int; A any }", "r R", "inside *int", "x int", "p *int", "far any", "next *any")
	nb.run(cell{body: `inside = &r.N; p = &x; r.A = p; far = []any{R{N: 3}}; next = &far; x = 7`})
	for name, needs := range map[string]bool{"r": true, "inside": true, "far": true, "next": true, "x": false, "p": false} {
		v := nb.manifest().Value(name)
		if is := slices.ContainsFunc(v.Types, func(n store.Named) bool { return n.Name == "R" }); is != needs {
			t.Errorf("%s names %v", name, v.Types)
		}
	}
	if m := nb.manifest(); m.Value("x").Cluster != m.Value("r").Cluster {
		t.Error("what shares memory is not one cluster")
	}
	nb.declare = "type R struct { N, More int; A any }"
	nb.run(cell{body: `
if x != 7 || p != &x { fail("what needs no R") }
if inside != nil || far != nil || next != nil || r.N != 0 { fail("what needs R is there") }`})
}

// TestTypesOfGoneVariables: what a pointer leads into is there also once no variable has its type.
func TestTypesOfGoneVariables(t *testing.T) {
	nb := newNotebook(t, "type R struct { N int; A any }", "r R", "u *url.URL", "inside *int", "host *string")
	nb.run(cell{imports: []string{"net/url"}, body: `r.N = 7; inside = &r.N; u = &url.URL{Host: "h"}; host = &u.Host`})
	for name, expr := range map[string]string{"inside": `"main".R`, "host": `"net/url".URL`} {
		m := nb.manifest()
		if types := m.Clusters[m.Value(name).Cluster].Uses.Types; len(types) != 1 || types[0].Expr != expr {
			t.Errorf("%s needs %v, not %s alone", name, types, expr)
		}
	}
	nb.vars, nb.types = []string{"inside", "host"}, []string{"*int", "*string"}
	nb.run(cell{body: `if inside == nil || *inside != 7 || *host != "h" { fail("what a pointer leads into") }; *inside = 8`})
	nb.run(cell{body: `if *inside != 8 { fail("what was changed there") }`})
}
