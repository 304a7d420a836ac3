package recipe_test

import (
	"strings"
	"testing"

	"gantry.local/gan/recipe"
)

// TestShow wants each recipe in the table, with its parts.
func TestShow(t *testing.T) {
	shown := recipe.All().ShowValue()
	text, page := shown["text/plain"].(string), shown["text/html"].(string)
	lines := strings.Split(text, "\n")
	if len(lines) != len(recipe.All())+2 {
		t.Fatalf("%d lines for %d recipes:\n%s", len(lines), len(recipe.All()), text)
	}
	for i, r := range recipe.All() {
		if !strings.HasPrefix(lines[1+i], r.Name+" ") || !strings.Contains(lines[1+i], r.About) || !strings.Contains(page, ">"+r.Name+"<") {
			t.Errorf("the line of %s is %q", r.Name, lines[1+i])
		}
	}
	for _, want := range []string{"net.MLPGenerator", "net.DCGAN ", "mnist", "relativistic paired, r1 weight 1, r2 weight 1", "128"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
