package golang

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// What a variable is called in programs differs from its name where that is taken: data := data.MNIST() makes one that is
// called as the package. The variable of an earlier cell of the same name, which a cell can still use, is called another way again, and
// so is a pointer to that of the two which the name means at the moment.
const (
	TakenPrefix = "gantryV_"
	OldPrefix   = "gantryOld_"
	AtPrefix    = "gantryAt_"
)

// Earlier is what the cells so far declare, as GoNB says. It does not change.
type Earlier struct {
	Source    string // a Go file
	Imports   []*ast.ImportSpec
	Variables map[string]string   // name -> what it is called
	Types     map[string]string   // name of a variable -> its type, as it is declared
	Names     map[string]bool     // of all else that is declared at package level
	Lacks     map[string][]string // names of packages that it uses and does not import, and what of them: GoNB finds these for each program
}

// ReadEarlier reads a Go file with all declarations. One that does not parse declares nothing.
func ReadEarlier(source string) *Earlier {
	e := &Earlier{Source: source, Variables: map[string]string{}, Types: map[string]string{}, Names: map[string]bool{}}
	file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
	if err != nil {
		e.Source = "package main"
		return e
	}
	e.Imports = file.Imports
	e.Lacks = PackagesUsed(file, func(string) bool { return false })
	for _, d := range Declarations(file) {
		for _, name := range d.Names {
			switch {
			case d.Variable:
				known := strings.TrimPrefix(name, TakenPrefix)
				e.Variables[known] = name
				if s, ok := d.Node.(*ast.ValueSpec); ok && s.Type != nil {
					e.Types[known] = source[s.Type.Pos()-file.FileStart : s.Type.End()-file.FileStart]
				}
			case d.Method == "":
				e.Names[name] = true
			}
		}
	}
	return e
}

// Importing returns the same declarations in a file with more imports.
func (e *Earlier) Importing(specs []string) *Earlier {
	more := *e
	more.Source = strings.Replace(e.Source, "package main", "package main; import ("+strings.Join(specs, "; ")+")", 1)
	return &more
}

// Called is what a variable is called in programs; any other name is called as it is.
func (e *Earlier) Called(name string) string {
	if called := e.Variables[name]; called != "" {
		return called
	}
	return name
}

// Parse returns the declarations as a file, without those that keep refuses. As a person knows them, variables have
// their names, and hide what else has one of these.
func (e *Earlier) Parse(files *token.FileSet, asKnown bool, keep func(Declaration) bool) *ast.File {
	file, err := parser.ParseFile(files, "earlier.go", e.Source, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil {
		return nil // ReadEarlier has parsed it
	}
	kept := map[ast.Node]bool{}
	for _, d := range Declarations(file) {
		hidden := false
		for i, name := range d.Names {
			known := strings.TrimPrefix(name, TakenPrefix)
			if asKnown && d.Variable && known != name {
				d.Names[i] = known
				if s, ok := d.Node.(*ast.ValueSpec); ok {
					s.Names[i].Name = known
				}
			}
			if asKnown && !d.Variable && d.Method == "" {
				_, hidden = e.Variables[name]
			}
		}
		kept[d.Node] = !hidden && keep(d)
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

// head returns the first line of a cell's file, the package clause and the imports of earlier cells that the cell does
// not bring itself, with those in more. file is the cell as far as it parses.
func (e *Earlier) head(file *ast.File, more map[string]string) string {
	imports := maps.Clone(more)
	if imports == nil {
		imports = map[string]string{}
	}
	maps.Copy(imports, e.imports())
	for name := range ImportNames(file.Imports) {
		delete(imports, name)
	}
	return head(imports)
}

// imports are those of earlier cells that no variable hides, by name.
func (e *Earlier) imports() map[string]string {
	imports := ImportNames(e.Imports)
	maps.DeleteFunc(imports, func(name, _ string) bool { return e.Variables[name] != "" })
	return imports
}

func head(imports map[string]string) string {
	specs := slices.Collect(maps.Values(imports))
	slices.Sort(specs)
	return "package main; import (" + strings.Join(specs, "; ") + ")"
}

// rest returns a file with the declarations of earlier cells that the cell does not declare again.
func (e *Earlier) rest(file *ast.File) string {
	again := DeclaredNames(file)
	files := token.NewFileSet()
	earlier := e.Parse(files, true, func(d Declaration) bool { return !d.IsIn(again) })
	var b strings.Builder
	b.WriteString(head(e.imports()))
	for _, d := range earlier.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		b.WriteString("\n\n")
		format.Node(&b, files, d) // with its comment; a text takes all
	}
	return b.String()
}

// knows tells whether an earlier cell declares or imports a name.
func (e *Earlier) knows(name string) bool {
	return e.imports()[name] != "" || e.Variables[name] != "" || e.Names[name]
}
