package golang

import "testing"

// TestImportNames wants an import to have the name here that goimports gives it when a cell is built.
func TestImportNames(t *testing.T) {
	cell := Read("import (\n\t\"gopkg.in/yaml.v3\"\n\t\"github.com/mattn/go-colorable\"\n\t\"math/rand/v2\"\n)\n%%\nyaml.Marshal(1); colorable.X(); rand.Int(); other.F()")
	if used := PackagesUsed(cell.file, func(string) bool { return false }); len(used) != 1 || len(used["other"]) != 1 || used["other"][0] != "F" {
		t.Errorf("%q seem to be missing", used)
	}
}
