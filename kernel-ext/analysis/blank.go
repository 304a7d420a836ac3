package analysis

import (
	"go/ast"
	"slices"
	"strings"
)

// GoNB remembers one import that has no name, and links it into every program. So such an import is remembered under a name of ours, and
// the file beside a program imports it where it can matter.
const blankPrefix = "gantryB_"

// nameBlanks gives the cell's imports without a name one that GoNB remembers.
func (r *reading) nameBlanks() {
	for _, s := range r.cellImports() {
		if s.Name == nil || s.Name.Name != "_" {
			continue
		}
		if from, to, ok := r.span(s.Name); ok {
			r.edits = append(r.edits, edit{from, to, blankName(pathOf(s))})
		}
	}
}

// blankName is what GoNB remembers an import without a name by.
func blankName(path string) string {
	return blankPrefix + strings.TrimPrefix(nameOfPackage(path), aliasPrefix)
}

// pathOf is the path of an import; empty: it has none.
func pathOf(s *ast.ImportSpec) string {
	if paths := importPaths(&ast.File{Imports: []*ast.ImportSpec{s}}); len(paths) > 0 {
		return paths[0]
	}
	return ""
}

// blankImports lists the imports without a name that the program needs: the cell's own, and those of earlier cells that can have to do with
// what it imports. What a package registers of its own accord, a program finds through another package.
func (r *reading) blankImports() (paths []string) {
	for _, s := range r.cellImports() {
		if s.Name != nil && s.Name.Name == "_" {
			paths = append(paths, pathOf(s))
		}
	}
	for _, s := range r.Earlier.Imports {
		if s.Name != nil && strings.HasPrefix(s.Name.Name, blankPrefix) && r.canMatter(pathOf(s)) {
			paths = append(paths, pathOf(s))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// canMatter tells whether a package that is imported without a name can have to do with what the program imports.
func (r *reading) canMatter(path string) bool {
	if isStandard(path) {
		return true // and costs little
	}
	registries := []string{"database/sql", "encoding/gob", "expvar", "image", "net/http"}
	for imported := range r.needed.packages {
		if !isStandard(imported) || slices.Contains(registries, imported) {
			return true
		}
	}
	return false
}

// isStandard tells whether a package is one of the standard library.
func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != "main"
}
