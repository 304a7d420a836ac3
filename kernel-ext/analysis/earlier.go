package analysis

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"

	"gantry.local/kernel-ext/internal/importspec"
)

// What a variable is called in programs differs from its name where that is taken: data := data.MNIST() makes one that is
// called as the package. The variable of an earlier cell of the same name, which a cell can still use, is called another way again.
const (
	takenPrefix = "gantryV_"
	oldPrefix   = "gantryOld_"
)

// Earlier is what the cells so far declare, as GoNB says. It does not change.
type Earlier struct {
	source    string
	imports   []*ast.ImportSpec
	variables map[string]string // name -> what it is called
	names     map[string]bool   // of all else that is declared at package level
}

// ReadEarlier reads a Go file with all declarations. One that does not parse declares nothing.
func ReadEarlier(source string) *Earlier {
	e := &Earlier{source: source, variables: map[string]string{}, names: map[string]bool{}}
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		e.source = "package main"
		return e
	}
	e.imports = file.Imports
	for _, d := range declarations(file) {
		for _, name := range d.names {
			switch {
			case d.variable:
				e.variables[strings.TrimPrefix(name, takenPrefix)] = name
			case d.method == "":
				e.names[name] = true
			}
		}
	}
	return e
}

// Called is what a variable is called in programs; any other name is called as it is.
func (e *Earlier) Called(name string) string {
	if called := e.variables[name]; called != "" {
		return called
	}
	return name
}

// declaration is what stands or goes as one: a function, a type, variables with one initialiser, a group of constants.
type declaration struct {
	names    []string
	node     ast.Node
	variable bool
	method   string // the type that it is a method of
}

// declarations lists the declarations of a file but for imports.
func declarations(file *ast.File) (all []declaration) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			all = append(all, declaration{names: []string{d.Name.Name}, node: d, method: receiver(d)})
		case *ast.GenDecl:
			if d.Tok == token.CONST {
				group := declaration{node: d}
				for _, s := range d.Specs {
					group.names = append(group.names, namesOf(s)...)
				}
				all = append(all, group)
				continue
			}
			for _, s := range d.Specs {
				if names := namesOf(s); names != nil {
					all = append(all, declaration{names: names, node: s, variable: d.Tok == token.VAR})
				}
			}
		}
	}
	return all
}

func namesOf(s ast.Spec) (names []string) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		return []string{s.Name.Name}
	case *ast.ValueSpec:
		for _, name := range s.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// receiver names the type that a function is a method of; empty: it is none.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	e := f.Recv.List[0].Type
	for {
		switch under := e.(type) {
		case *ast.StarExpr:
			e = under.X
		case *ast.ParenExpr:
			e = under.X
		case *ast.IndexExpr:
			e = under.X
		case *ast.IndexListExpr:
			e = under.X
		case *ast.Ident:
			return under.Name
		default:
			return ""
		}
	}
}

// parse returns the declarations as a file, without those that keep refuses. As a person knows them, variables have
// their names, and hide what else has one of these.
func (e *Earlier) parse(files *token.FileSet, asKnown bool, keep func(declaration) bool) *ast.File {
	file, err := parser.ParseFile(files, "earlier.go", e.source, parser.SkipObjectResolution)
	if err != nil {
		return nil // ReadEarlier has parsed it
	}
	kept := map[ast.Node]bool{}
	for _, d := range declarations(file) {
		hidden := false
		for i, name := range d.names {
			known := strings.TrimPrefix(name, takenPrefix)
			if asKnown && d.variable && known != name {
				d.names[i] = known
				if s, ok := d.node.(*ast.ValueSpec); ok {
					s.Names[i].Name = known
				}
			}
			if asKnown && !d.variable && d.method == "" {
				_, hidden = e.variables[name]
			}
		}
		kept[d.node] = !hidden && keep(d)
	}
	var left []ast.Decl
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok == token.CONST {
			if kept[d] {
				left = append(left, d)
			}
			continue
		}
		var specs []ast.Spec
		for _, s := range g.Specs {
			if g.Tok == token.IMPORT || kept[s] {
				specs = append(specs, s)
			}
		}
		if g.Specs = specs; len(specs) > 0 {
			left = append(left, g)
		}
	}
	file.Decls = left
	return file
}

// importNames returns the imports by the name that the code has for them; those that have none, dot and blank ones, with their
// paths.
func importNames(specs []*ast.ImportSpec) map[string]string {
	names := map[string]string{}
	for _, s := range specs {
		if s.Path == nil || len(s.Path.Value) < 2 {
			continue
		}
		name := importspec.Name(s)
		if name == "." || name == "_" {
			name += importspec.Path(s)
		}
		names[name] = importspec.Text(s)
	}
	return names
}
