package value

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOfACell shows values of a program's own types, whose package is main, and of a package whose name ends as that one.
func TestOfACell(t *testing.T) {
	dir := filepath.Join("testdata", "program")
	out, err := exec.Command("go", "run", "./"+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := []string{"point{X:1 Y:2}", "&point{X:1 Y:2}", "map[] (empty map[point]*point)", "plus func(point, point) point",
		"first func(point, domain.User, any) []point", "domain.User{Name:Ada}",
		"kept{at:&{X:3 Y:4} all:map[a:1] last:point{X:5 Y:6}}",
		"&domain.Keeper{", "  at:   *domain.User", "  all:  map[string]int",
		"  last: domain.User", "  none: <nil>", "  n:    [1 2]", "}"}
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
