package golang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Earlier is what the cells run so far declare, as GoNB says. Completion and inspection need it while a cell runs. The zero value
// is empty.
type Earlier struct {
	mu      sync.Mutex
	imports map[string]string // name in the code -> import spec
	code    map[string]string // name, methods as Type~name -> declaration
}

// Set takes in what GoNB says that all cells so far declare, as a Go file.
func (e *Earlier) Set(source string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return // GoNB has built it
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.imports, e.code = importSpecs(file), map[string]string{}
	for name, d := range declared(file) {
		text := source[files.PositionFor(d.node.Pos(), false).Offset:files.PositionFor(d.node.End(), false).Offset]
		switch d.node.(type) {
		case *ast.TypeSpec:
			text = "type " + text
		case *ast.ValueSpec:
			text = "var " + text
		}
		for _, comment := range slices.Backward(d.comments()) {
			text = comment.Text + "\n" + text
		}
		e.code[name] = text
	}
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
