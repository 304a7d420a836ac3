package golang

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Earlier is what the cells run so far declare, as GoNB remembers it: what is declared again replaces what was there.
// GoNB keeps this to itself; completion and inspection need it while GoNB runs a cell. The zero value is empty.
type Earlier struct {
	mu      sync.Mutex
	imports map[string]string // name in the code -> import spec
	code    map[string]string // name, methods as Type~name -> declaration
	types   map[string]bool
}

// Learn takes in a cell that GoNB has built.
func (e *Earlier) Learn(t *Text) {
	if t.Magic != "" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.imports == nil {
		e.clear()
	}
	for i := range t.Lines {
		switch name, arguments := t.Command(i); {
		case name == "%reset" && arguments == "":
			e.clear()
		case name == "%rm" || name == "%remove":
			for _, forgotten := range strings.Fields(arguments) {
				delete(e.imports, forgotten)
				delete(e.code, forgotten)
				delete(e.types, forgotten)
			}
		}
	}
	if t.err != nil {
		return // GoNB could not build it either
	}
	maps.Copy(e.imports, importSpecs(t.file))
	for name, d := range declared(t.file) {
		text := t.source[t.offset(d.node.Pos()):t.offset(d.node.End())]
		switch d.node.(type) {
		case *ast.TypeSpec:
			text = "type " + text
			e.types[name] = true
		case *ast.ValueSpec:
			text = "var " + text
		}
		for _, comment := range slices.Backward(d.comments()) {
			text = comment.Text + "\n" + text
		}
		e.code[name] = text
	}
}

func (e *Earlier) clear() {
	e.imports, e.code, e.types = map[string]string{}, map[string]string{}, map[string]bool{}
}

// IsType tells whether an earlier cell declares a name as a type.
func (e *Earlier) IsType(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.types[name]
}

// head returns the first line of a cell's file, the package clause and the imports of earlier cells that the cell does
// not bring itself, with those in more. file is the cell as far as it parses.
func (e *Earlier) head(file *ast.File, more map[string]string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	imports := maps.Clone(more)
	if imports == nil {
		imports = map[string]string{}
	}
	maps.Copy(imports, e.imports)
	for name := range importSpecs(file) {
		delete(imports, name)
	}
	return head(imports)
}

func head(imports map[string]string) string {
	specs := slices.Collect(maps.Values(imports))
	slices.Sort(specs)
	return "package main; import (" + strings.Join(specs, "; ") + ")"
}

// rest returns a file with the declarations of earlier cells that the cell does not declare again.
func (e *Earlier) rest(file *ast.File) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	code := maps.Clone(e.code)
	for name := range declared(file) {
		delete(code, name)
	}
	text := head(e.imports) + "\n\n"
	for _, name := range slices.Sorted(maps.Keys(code)) {
		text += code[name] + "\n\n"
	}
	return text
}

// knows tells whether an earlier cell declares or imports a name.
func (e *Earlier) knows(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.imports[name] != "" || e.code[name] != ""
}
