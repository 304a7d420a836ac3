// Package importspec reads an import of a Go file: what quick builds assume of a cell's imports, completion assumes too.
package importspec

import (
	"go/ast"
	"path"
	"strconv"
	"strings"
	"unicode"
)

// Name is the name by which a file uses an import: its own, or else the one that goimports assumes by the path. Where that is
// wrong, the name used in the file seems to be missing.
func Name(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	importPath := Path(spec)
	base := path.Base(importPath)
	if strings.HasPrefix(base, "v") {
		if _, err := strconv.Atoi(base[1:]); err == nil {
			if dir := path.Dir(importPath); dir != "." {
				base = path.Base(dir)
			}
		}
	}
	base = strings.TrimPrefix(base, "go-")
	if i := strings.IndexFunc(base, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }); i >= 0 {
		base = base[:i]
	}
	return base
}

// Path is the path of an import; what is half typed is returned as it is.
func Path(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// Text is an import as it stands in a file.
func Text(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name + " " + spec.Path.Value
	}
	return spec.Path.Value
}
