package importspec

import (
	"go/parser"
	"go/token"
	"testing"
)

func TestNames(t *testing.T) {
	for spec, want := range map[string]string{
		`"fmt"`: "fmt", `"math/rand/v2"`: "rand", `"gopkg.in/yaml.v3"`: "yaml", `"github.com/a/go-colorable"`: "colorable",
		`f "fmt"`: "f", `. "fmt"`: ".", `"v2"`: "v2", "`os/exec`": "exec",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; import "+spec, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		if got := Name(file.Imports[0]); got != want {
			t.Errorf("%s is used as %q, want %q", spec, got, want)
		}
		if got := Text(file.Imports[0]); got != spec {
			t.Errorf("%s stands there as %q", spec, got)
		}
	}
}
