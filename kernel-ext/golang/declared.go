package golang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	"gantry.local/kernel-ext/internal/importspec"
)

// importSpecs returns the imports of a file by the name that the code uses.
func importSpecs(file *ast.File) map[string]string {
	specs := map[string]string{}
	for _, s := range file.Imports {
		if s.Path == nil || len(s.Path.Value) < 2 {
			continue // half typed
		}
		name := importspec.Name(s)
		if name == "." || name == "_" {
			name += importspec.Path(s) // any number of them
		}
		specs[name] = importspec.Text(s)
	}
	return specs
}

// AddedImports returns the imports that a Go file has and another, of which it was made, lacks.
func AddedImports(before, after string) (specs []string) {
	read := func(source string) map[string]string {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
		if err != nil {
			return nil
		}
		return importSpecs(file)
	}
	had := read(before)
	for name, spec := range read(after) {
		if had[name] == "" {
			specs = append(specs, spec)
		}
	}
	slices.Sort(specs)
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

// packagesUsed returns the names in front of a dot that nothing declares: packages to be imported, most likely.
func packagesUsed(file *ast.File, known func(string) bool) []string {
	imported := importSpecs(file)
	unresolved := map[*ast.Ident]bool{}
	for _, name := range file.Unresolved {
		unresolved[name] = true
	}
	var used []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, ok := s.X.(*ast.Ident)
			if ok && unresolved[x] && imported[x.Name] == "" && !known(x.Name) && !slices.Contains(used, x.Name) {
				used = append(used, x.Name)
			}
		}
		return true
	})
	return used
}
