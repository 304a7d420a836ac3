package golang

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"

	"gantry.local/kernel-ext/internal/importspec"
)

// ImportNames returns the imports by the name that the code has for them; those that have none, dot and blank ones, with their
// paths.
func ImportNames(specs []*ast.ImportSpec) map[string]string {
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

// AddedImports returns the imports, by name, that a Go file has and another, of which it was made, lacks.
func AddedImports(before, after string) map[string]string {
	read := func(source string) map[string]string {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
		if err != nil {
			return nil
		}
		return ImportNames(file.Imports)
	}
	had := read(before)
	added := read(after)
	maps.DeleteFunc(added, func(name, _ string) bool { return had[name] != "" })
	return added
}

// Declaration is what stands or goes as one: a function, a type, variables with one initialiser, a group of constants.
type Declaration struct {
	Names    []string
	Node     ast.Node          // without the keyword, but for functions and constants
	Doc      *ast.CommentGroup // nil: it has none
	Variable bool
	Method   string // the type that it is a method of; empty: it is none
}

// Declarations lists the declarations of a file but for imports.
func Declarations(file *ast.File) (all []Declaration) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			all = append(all, Declaration{Names: []string{d.Name.Name}, Node: d, Doc: d.Doc, Method: receiver(d)})
		case *ast.GenDecl:
			if d.Tok == token.CONST {
				group := Declaration{Node: d, Doc: d.Doc}
				for _, s := range d.Specs {
					group.Names = append(group.Names, namesOf(s)...)
				}
				all = append(all, group)
				continue
			}
			for _, s := range d.Specs {
				if names := namesOf(s); names != nil {
					all = append(all, Declaration{Names: names, Node: s, Doc: docOf(s, d), Variable: d.Tok == token.VAR})
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

// receiver names the type that a function is a method of, the first name in that of its receiver; empty: it is none.
func receiver(f *ast.FuncDecl) (name string) {
	if f.Recv == nil {
		return ""
	}
	for _, r := range f.Recv.List {
		ast.Inspect(r.Type, func(n ast.Node) bool {
			if is, ok := n.(*ast.Ident); ok && name == "" {
				name = is.Name
			}
			return name == ""
		})
	}
	return name
}

// docOf is the comment of one of the declarations that a keyword begins, or that of the keyword if it has no brackets.
func docOf(s ast.Spec, d *ast.GenDecl) (doc *ast.CommentGroup) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		doc = s.Doc
	case *ast.ValueSpec:
		doc = s.Doc
	}
	if doc == nil && !d.Lparen.IsValid() {
		doc = d.Doc
	}
	return doc
}

// DeclaredNames returns what a file declares at package level: ~name, or type~name of a method.
func DeclaredNames(file *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, d := range Declarations(file) {
		for _, name := range d.Names {
			names[d.Method+"~"+name] = true
		}
	}
	return names
}

// IsIn tells whether one of the names of a declaration is among names as DeclaredNames gives them.
func (d Declaration) IsIn(names map[string]bool) bool {
	return slices.ContainsFunc(d.Names, func(name string) bool { return name != "_" && names[d.Method+"~"+name] })
}

// PackagesUsed returns the names in front of a dot that nothing declares, packages to be imported most likely, and what is used of each,
// sorted. The parser must have resolved the names of the file.
func PackagesUsed(file *ast.File, known func(string) bool) map[string][]string {
	imported := ImportNames(file.Imports)
	unresolved := map[*ast.Ident]bool{}
	for _, name := range file.Unresolved {
		unresolved[name] = true
	}
	used := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, ok := s.X.(*ast.Ident)
			if ok && unresolved[x] && imported[x.Name] == "" && !known(x.Name) && !slices.Contains(used[x.Name], s.Sel.Name) {
				used[x.Name] = append(used[x.Name], s.Sel.Name)
			}
		}
		return true
	})
	for _, names := range used {
		slices.Sort(names)
	}
	return used
}
