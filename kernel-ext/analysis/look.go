package analysis

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// helpers are functions that cells may use without declaring them, see beside.go.
func helpers() map[string]string {
	return map[string]string{
		"must":  "func must[T any](value T, err error) T { return value }\n",
		"check": "func check(err error) {}\n",
	}
}

// look parses and type-checks the cell as it is written: declarations first, then a function main of its statements.
func (r *reading) look() error {
	for i := range r.items {
		it := &r.items[i]
		if it.Kind == golang.Import && strings.Contains(r.source[it.From:it.To], `"C"`) {
			return ErrUnread
		}
		if it.IsMain(r.source) {
			r.main = it
		}
	}
	r.early, r.shownList = r.earlyVariables(), r.lastList()
	var head written
	head.add("package main\n")
	r.write(&head)
	file, err := parser.ParseFile(r.files, "cell.go", head.text.String(), parser.ParseComments)
	if err != nil {
		r.syntax(&head, err)
		return nil
	}
	r.declared = golang.DeclaredNames(file)
	specs, err := r.importsFor(file, head.text.String())
	if err != nil {
		return err
	}
	if err := r.importEarlier(); err != nil {
		return err
	}
	w := &r.looked
	w.add("package main\n")
	for _, spec := range specs {
		w.add("import " + spec + "\n")
	}
	r.write(w)
	w.add("func " + showFunction + "(...any) {}\n")
	for name, text := range helpers() {
		if !r.knows(name) {
			w.add(text)
		}
	}
	if r.file, err = parser.ParseFile(r.files, "cell.go", w.text.String(), parser.ParseComments|parser.SkipObjectResolution); err != nil {
		r.syntax(w, err)
		return nil
	}
	r.rest = r.Earlier.Parse(r.files, true, func(d golang.Declaration) bool { return !d.IsIn(r.declared) })
	from, err := r.load(importPaths(r.file, r.rest))
	if err != nil {
		return r.unloaded(err)
	}
	var wrong []types.Error
	r.pkg, r.info, wrong = checked(r.files, from, r.file, r.rest)
	r.said = map[int]string{}
	for _, e := range wrong {
		if at := r.files.PositionFor(e.Pos, false); at.Filename == "cell.go" {
			if offset, ok := r.looked.origin(at.Offset); ok && r.said[offset] == "" {
				r.said[offset] = e.Msg
			}
		}
	}
	return nil
}

// knows tells whether the cell or an earlier one declares a name at package level.
func (r *reading) knows(name string) bool {
	return r.Earlier.Names[name] || r.Earlier.Variables[name] != "" || r.declared["~"+name]
}

// first tells whether variables are initialised before all statements, in the order in which they need each other: they stand
// in front of them.
func (r *reading) first(i int) bool {
	return r.main != nil || !slices.ContainsFunc(r.items[:i], func(it golang.Item) bool { return it.Kind == golang.Statement })
}

// write writes the cell as a Go file without the package clause and the imports that it lacks.
func (r *reading) write(w *written) {
	for _, it := range r.items {
		if it.Kind == golang.Import {
			w.take(r.source, it.From, it.To, nil)
		}
	}
	for i := range r.items {
		if it := &r.items[i]; it.Kind != golang.Import && !r.inMain(i) {
			w.take(r.source, it.From, it.To, nil)
		}
	}
	if r.main != nil {
		return
	}
	w.add("func main() {\n")
	r.statements(w, r.shownList)
	w.add("}\n")
}

// inMain tells whether an item is one of the statements of main.
func (r *reading) inMain(i int) bool {
	kind := r.items[i].Kind
	return kind == golang.Statement || kind == golang.Variable && !(r.early && r.first(i))
}

// statements writes the statements of main.
func (r *reading) statements(w *written, edits []edit) {
	for i, it := range r.items {
		if r.inMain(i) {
			w.take(r.source, it.From, it.To, edits)
		}
	}
}

// earlyVariables tells whether the variables in front of all statements are declared as those of a package. They are not where one is
// made of the variable of an earlier cell that it replaces, as in var x = x + 1.
func (r *reading) earlyVariables() bool {
	declared := map[string]bool{}
	var values []ast.Expr
	for i, it := range r.items {
		if it.Kind != golang.Variable || !r.first(i) {
			continue
		}
		file, err := parser.ParseFile(r.files, "", "package main\n"+r.source[it.From:it.To], parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				for _, s := range g.Specs {
					if s, ok := s.(*ast.ValueSpec); ok {
						for _, name := range s.Names {
							declared[name.Name] = true
						}
						values = append(values, s.Values...)
					}
				}
			}
		}
	}
	if r.main != nil {
		return true // there are no statements of ours to have them in
	}
	early := true
	for _, v := range values {
		ast.Inspect(v, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && declared[id.Name] && r.Earlier.Variables[id.Name] != "" {
				early = false
			}
			return true
		})
	}
	return early
}

// importsFor returns the imports that the cell needs besides its own: those of earlier cells, and those that goimports finds.
func (r *reading) importsFor(file *ast.File, source string) ([]string, error) {
	own := golang.ImportNames(file.Imports)
	specs := golang.ImportNames(r.Earlier.Imports)
	maps.DeleteFunc(specs, func(name, _ string) bool { return own[name] != "" || r.Earlier.Variables[name] != "" })
	uses := golang.PackagesUsed(file, func(name string) bool {
		return specs[name] != "" || r.Earlier.Variables[name] != "" || r.Earlier.Names[name] || types.Universe.Lookup(name) != nil
	})
	all := slices.Sorted(maps.Values(specs))
	if len(uses) == 0 {
		return all, nil
	}
	var lacking []string
	for name, of := range uses {
		lacking = append(lacking, name+" "+strings.Join(of, " "))
	}
	slices.Sort(lacking)
	var program strings.Builder
	program.WriteString("package main\n")
	for _, spec := range all {
		program.WriteString("import " + spec + "\n")
	}
	program.WriteString(strings.TrimPrefix(source, "package main\n"))
	for name, called := range r.Earlier.Variables { // what they are called as goimports is to know them
		if called != "" && own[name] == "" {
			program.WriteString("var " + name + " any\n")
		}
	}
	found, err := r.Imports(r.ctx, program.String(), lacking)
	if err != nil {
		return nil, err
	}
	r.more = found
	return append(all, found...), nil
}

// importEarlier gives the declarations of earlier cells the imports that they lack, so that the types in them are known.
func (r *reading) importEarlier() error {
	var specs []string
	for _, name := range slices.Sorted(maps.Keys(r.Earlier.Lacks)) {
		found, err := r.Imports(r.ctx, r.Earlier.Source, []string{name})
		if len(found) > 1 { // what is used of it tells which
			found, err = r.Imports(r.ctx, r.Earlier.Source, []string{name + " " + strings.Join(r.Earlier.Lacks[name], " ")})
		}
		if err != nil {
			return err
		}
		specs = append(specs, found...)
	}
	if len(specs) > 0 {
		slices.Sort(specs)
		r.Earlier = r.Earlier.Importing(slices.Compact(specs))
	}
	return nil
}

// importPaths lists what files import.
func importPaths(files ...*ast.File) (paths []string) {
	for _, f := range files {
		if f == nil {
			continue
		}
		for _, s := range f.Imports {
			if path, err := strconv.Unquote(s.Path.Value); err == nil && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return paths
}

// unloaded says of which import of the cell an error is about packages that cannot be loaded, if of one: else it returns the error.
func (r *reading) unloaded(err error) error {
	for _, s := range r.file.Imports {
		path := pathOf(s)
		lines := strings.Split(err.Error(), "\n")
		at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, path) })
		if at < 0 || path == "" {
			continue
		}
		text := strings.TrimPrefix(lines[at], "# ")
		for ; at+1 < len(lines) && strings.TrimSpace(text) == path; at++ { // what its compiler says
			text = lines[at+1]
		}
		if at+1 < len(lines) {
			if get, ok := strings.CutPrefix(lines[at+1], "\tgo get "); ok {
				text = strings.TrimSuffix(text, ":") + " run, in a cell: !*go get " + get
			}
		}
		offset, _ := r.at(s.Path.Pos())
		if text = strings.TrimSpace(text); !strings.Contains(text, path) {
			text = fmt.Sprintf("package %s cannot be imported: %s", path, text)
		}
		r.problem(offset, text)
		return nil
	}
	return err
}
