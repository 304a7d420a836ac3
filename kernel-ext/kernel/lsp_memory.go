package kernel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// memory is what the cells run so far declare, as GoNB says.
// Completion and inspection need it while a cell runs. The zero value is empty.
type memory struct {
	mu      sync.Mutex
	imports map[string]string // name in the code -> import spec
	code    map[string]string // name, methods as Type~name -> declaration
	types   map[string]bool
}

// set takes in what GoNB says that all cells declare, as a Go file.
func (k *memory) set(source string) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return // GoNB has built it
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear()
	maps.Copy(k.imports, importSpecs(file))
	for name, d := range declared(file) {
		text := source[files.Position(d.node.Pos()).Offset:files.Position(d.node.End()).Offset]
		switch d.node.(type) {
		case *ast.TypeSpec:
			text = "type " + text
			k.types[name] = true
		case *ast.ValueSpec:
			text = "var " + text
		}
		for _, comment := range slices.Backward(d.comments()) {
			text = comment.Text + "\n" + text
		}
		k.code[name] = text
	}
}

func (k *memory) clear() {
	k.imports, k.code, k.types = map[string]string{}, map[string]string{}, map[string]bool{}
}

// isType tells whether an earlier cell declares a name as a type.
func (k *memory) isType(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.types[name]
}

// head returns the first line of a cell's file, the package clause and the imports of earlier cells that the cell does
// not bring itself, with those in more. file is the cell as far as it parses.
func (k *memory) head(file *ast.File, more map[string]string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	imports := maps.Clone(more)
	if imports == nil {
		imports = map[string]string{}
	}
	maps.Copy(imports, k.imports)
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
func (k *memory) rest(file *ast.File) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	code := maps.Clone(k.code)
	for name := range declared(file) {
		delete(code, name)
	}
	text := head(k.imports) + "\n\n"
	for _, name := range slices.Sorted(maps.Keys(code)) {
		text += code[name] + "\n\n"
	}
	return text
}

// knows tells whether an earlier cell declares or imports a name.
func (k *memory) knows(name string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.imports[name] != "" || k.code[name] != ""
}

var versionSuffix = regexp.MustCompile(`^v[0-9]+$`)

// importSpecs returns the imports of a file by the name that the code uses. A package is taken to be named like the
// last element of its path, versions aside.
func importSpecs(file *ast.File) map[string]string {
	specs := map[string]string{}
	for _, s := range file.Imports {
		if s.Path == nil || len(s.Path.Value) < 2 {
			continue // half typed
		}
		importPath := s.Path.Value[1 : len(s.Path.Value)-1]
		name := path.Base(importPath)
		if versionSuffix.MatchString(name) && strings.Contains(importPath, "/") {
			name = path.Base(path.Dir(importPath))
		}
		text := s.Path.Value
		if s.Name != nil {
			name, text = s.Name.Name, s.Name.Name+" "+text
		}
		if name == "." || name == "_" {
			name += importPath // any number of them
		}
		specs[name] = text
	}
	return specs
}

// declaration is one of a file, with its comment if it has one.
type declaration struct {
	node ast.Node
	doc  *ast.CommentGroup
}

func (d declaration) comments() []*ast.Comment {
	if d.doc == nil {
		return nil
	}
	return d.doc.List
}

// declared returns the declarations of a file that outlive their cell, by name: constants in the group they come in,
// everything else one by one.
func declared(file *ast.File) map[string]declaration {
	found := map[string]declaration{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			name := d.Name.Name
			if d.Recv != nil && len(d.Recv.List) > 0 {
				name = receiver(d.Recv.List[0].Type) + "~" + name
			} else if name == "main" || name == "init" {
				continue
			}
			found[name] = declaration{d, d.Doc}
		case *ast.GenDecl:
			declaredTogether(d, found)
		}
	}
	return found
}

// declaredTogether adds what one declaration of types, variables or constants declares.
func declaredTogether(d *ast.GenDecl, found map[string]declaration) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			doc := s.Doc
			if doc == nil && !d.Lparen.IsValid() {
				doc = d.Doc
			}
			found[s.Name.Name] = declaration{s, doc}
		case *ast.ValueSpec:
			if len(s.Names) == 0 {
				continue
			}
			name := s.Names[0].Name // a, b = f() is one declaration
			if d.Tok == token.CONST {
				found[name] = declaration{d, d.Doc} // iota counts within the group
				return
			}
			doc := s.Doc
			if doc == nil && !d.Lparen.IsValid() {
				doc = d.Doc
			}
			found[name] = declaration{s, doc}
		}
	}
}

// receiver names the type of a method.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return ""
}
