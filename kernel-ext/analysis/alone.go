package analysis

import (
	"go/ast"
	"go/parser"
	"go/types"
	"maps"
	"slices"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// alone reads a cell of tests, which GoNB composes by itself with all that earlier cells declare. Its functions find the variables of
// earlier cells with their values; what they change is not kept.
func (r *reading) alone() *Cell {
	file, _ := parser.ParseFile(r.files, "cell.go", "package main\n"+r.source, parser.SkipObjectResolution) // as far as it parses
	r.declared = golang.DeclaredNames(file)
	r.file, r.info = &ast.File{}, &types.Info{} // of statements that are kept nothing is known
	r.needed = need{code: map[string]string{}, packages: map[string]bool{}, ours: map[string]bool{}}
	for _, s := range r.Earlier.Imports {
		r.needed.packages[pathOf(s)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		v := r.Values[name]
		if ident := r.Earlier.Variables[name]; v.Why == "" && ident != "" && !r.declared["~"+name] {
			r.bound = append(r.bound, binding{name: name, ident: ident})
			maps.Copy(r.needed.code, v.Code)
			r.needed.types = append(r.needed.types, v.Types...)
		}
	}
	slices.Sort(r.needed.types)
	r.needed.types = slices.Compact(r.needed.types)
	for name := range helpers() {
		r.needed.ours[name] = !r.knows(name) && strings.Contains(r.source+r.Earlier.Source, name+"(")
	}
	r.needed.ours[nodeFunction] = strings.Contains(r.Earlier.Source, nodeFunction+"(")
	lines := make([]int, len(r.text.Lines))
	for i := range lines {
		lines[i] = i
	}
	return &Cell{Code: strings.Join(r.text.Lines, "\n"), Lines: lines, Beside: r.beside()}
}
