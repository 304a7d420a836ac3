package analysis

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// compose makes what GoNB gets, type-checks it as it is, and leaves out what the program does not need.
func (r *reading) compose() error {
	sortEdits(r.edits)
	for _, v := range r.lifted {
		if !v.local {
			r.typeText(v.typ) // which gives its packages names
		}
	}
	r.forget()
	if err := r.changed(); err != nil {
		return err
	}
	if err := r.check(); err != nil || len(r.out.Problems) > 0 {
		return err
	}
	r.bind()
	var w written
	r.program(&w, false, r.ends())
	r.out.Code = w.text.String()
	r.out.Lines = w.lines(r.source)
	r.out.Beside = r.beside()
	for _, v := range r.lifted {
		if v.local {
			if r.out.Local == nil {
				r.out.Local = map[string]string{}
			}
			r.out.Local[v.name] = "its type has no name outside of its package"
		} else {
			r.out.Values = append(r.out.Values, v.name)
		}
	}
	return nil
}

// lineStart is where in the source a line begins.
func (r *reading) lineStart(line int) (at int) {
	for _, l := range r.text.Lines[:line] {
		at += len(l) + 1
	}
	return at
}

// rests tells whether the cell can be left by must, check, or the error of its last expression.
func (r *reading) rests() bool {
	if r.ours[failFunction] || r.ours[showSafely] {
		return true
	}
	for id, obj := range r.info.Uses {
		if _, isFunc := obj.(*types.Func); isFunc && helpers()[id.Name] != "" && !r.knows(id.Name) {
			return true
		}
	}
	return false
}

// specials lists the lines of commands and shells that GoNB carries out before it reads any Go.
func (r *reading) specials() (lines []int) {
	for i := range r.text.Lines {
		if name, _ := r.text.Command(i); r.text.IsSpecial(i) && i != r.text.Main() && name != "%exec" {
			lines = append(lines, i)
		}
	}
	return lines
}

// program writes what GoNB gets, or that as a Go file, as the type-checker wants it. ends says that the file beside it is to be told
// when the cell's statements have been run.
func (r *reading) program(w *written, file, ends bool) {
	for _, i := range r.specials() {
		if file {
			w.add("\n")
		} else {
			w.line(r.text.Lines[i], r.lineStart(i))
		}
	}
	for _, spec := range r.more {
		if file { // GoNB finds them by itself, and does not remember them
			w.add("import " + spec + "\n")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(r.aliases)) {
		fmt.Fprintf(&w.text, "import %s %q\n", r.aliases[path], path)
	}
	for _, k := range []golang.Kind{golang.Import, golang.Type, golang.Constant, golang.Function} {
		for i := range r.items {
			if it := &r.items[i]; it.Kind == k && it != r.main {
				w.take(r.source, it.Doc, it.To, r.edits)
			}
		}
	}
	for _, f := range r.flags {
		w.add("var ")
		w.splice(r.source, f.from, f.to, r.edits)
		w.add("\n")
	}
	r.factories(w)
	for _, v := range r.lifted {
		if !v.local && (v.fresh || r.Earlier.Variables[v.name] == "") {
			w.add("var " + v.ident + " " + r.typeText(v.typ) + "\n")
		}
	}
	begin, end := "", ""
	if r.out.Wraps = ends || r.rests(); r.out.Wraps {
		begin, end = "func() {\n", "}()\n" // so that the statements can return
	}
	if r.rests() {
		begin += "defer " + restFunction + "()\n"
	}
	if ends {
		end += endFunction + "()\n"
	}
	if r.main != nil {
		body := r.mainBody()
		open, _ := r.at(body.Lbrace)
		shut, _ := r.at(body.Rbrace)
		w.take(r.source, r.main.Doc, open+1, r.edits)
		r.initialise(w)
		w.add(begin)
		w.splice(r.source, open+1, shut, r.edits)
		w.add("\n" + end)
		w.splice(r.source, shut, r.main.To, r.edits)
		w.add("\n")
		return
	}
	at := r.text.Main()
	called, arguments, exec := r.exec()
	if exec >= 0 {
		at = exec
	}
	switch {
	case exec >= 0 && !file:
		w.line("%main "+arguments, r.lineStart(at))
	case at >= 0 && !file:
		w.line(r.text.Lines[at], r.lineStart(at))
	default:
		w.add("func main() {\n")
	}
	w.add(begin)
	r.initialise(w)
	r.statements(w, r.edits)
	if exec >= 0 {
		w.add(called + "()\n")
	}
	w.add(end)
	if at < 0 || file {
		w.add("}\n")
	}
}

// exec returns which function %exec is to call, with which arguments for the program, and its line; -1: there is no %exec.
func (r *reading) exec() (function, arguments string, line int) {
	for i := range r.text.Lines {
		if name, said := r.text.Command(i); name == "%exec" {
			function, arguments, _ = strings.Cut(said, " ")
			return function, arguments, i
		}
	}
	return "", "", -1
}

// initialise writes the initialisers of variables in front of all statements, and the functions init that come after them.
func (r *reading) initialise(w *written) {
	for _, i := range r.inits {
		w.take(r.source, i.from, i.to, sortEdits(append(slices.Clone(i.edits), r.edits...)))
	}
	for _, f := range r.lateInits() {
		if from, to, ok := r.span(f.Body); ok {
			w.add("func() ")
			w.splice(r.source, from, to, r.edits)
			w.add("()\n")
		}
	}
}

// lateInits are the cell's functions init that use variables which it initialises, in GoNB's order. Go runs them after the initialisers,
// which are statements here, so that this program has them behind these.
func (r *reading) lateInits() (late []*ast.FuncDecl) {
	for _, d := range r.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, initPrefix) {
			continue
		}
		uses := false
		ast.Inspect(f.Body, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			uses = uses || ok && slices.ContainsFunc(r.inits, func(i initialiser) bool {
				return len(i.spec.Values) > 0 && slices.ContainsFunc(i.spec.Names, func(v *ast.Ident) bool { return r.info.Uses[id] != nil && r.info.Uses[id] == r.info.Defs[v] })
			})
			return true
		})
		if uses {
			late = append(late, f)
		}
	}
	slices.SortFunc(late, func(a, b *ast.FuncDecl) int { return strings.Compare(a.Name.Name, b.Name.Name) })
	return late
}

// forget lists what the cell replaces by something of another kind.
func (r *reading) forget() {
	for name := range r.declared {
		if name = strings.TrimPrefix(name, "~"); strings.Contains(name, "~") {
			continue
		}
		if was := r.Earlier.Variables[name]; was != "" && r.liftedAs(name) == nil {
			r.out.Forget = append(r.out.Forget, was)
			r.out.Dropped = append(r.out.Dropped, name)
		} else if r.Earlier.Names[name] {
			r.out.Forget = append(r.out.Forget, name)
		}
	}
	for name := range golang.ImportNames(r.cellImports()) {
		if was := r.Earlier.Variables[name]; was != "" && r.liftedAs(name) == nil {
			r.out.Forget = append(r.out.Forget, was)
			r.out.Dropped = append(r.out.Dropped, name)
		}
	}
	for _, f := range r.flags {
		for _, id := range f.spec.Names {
			if _, kept := r.Values[id.Name]; kept {
				r.out.Dropped = append(r.out.Dropped, id.Name)
			}
		}
	}
	for _, v := range r.lifted {
		if v.local && r.Earlier.Variables[v.name] != "" {
			r.out.Dropped = append(r.out.Dropped, v.name)
		}
	}
	slices.Sort(r.out.Forget)
	slices.Sort(r.out.Dropped)
}

// changed finds the types of earlier cells that the cell declares otherwise, or that have another shape by a constant of it, as the length
// of an array.
func (r *reading) changed() error {
	var again []string
	constants := false
	for _, d := range golang.Declarations(r.file) {
		switch d.Node.(type) {
		case *ast.TypeSpec:
			if r.Earlier.Names[d.Names[0]] {
				again = append(again, d.Names[0])
			}
		case *ast.GenDecl: // constants
			constants = constants || slices.ContainsFunc(d.Names, func(name string) bool { return r.Earlier.Names[name] })
		}
	}
	if len(again) == 0 && !constants {
		return nil
	}
	before := r.Earlier.Parse(r.files, true, func(golang.Declaration) bool { return true })
	if constants {
		for _, d := range golang.Declarations(before) {
			if _, isType := d.Node.(*ast.TypeSpec); isType && !slices.Contains(again, d.Names[0]) {
				again = append(again, d.Names[0])
			}
		}
	}
	from, err := r.load(importPaths(before))
	if err != nil {
		return err
	}
	was, _, _ := checked(r.files, from, before)
	shape := func(p *types.Package, name string) string {
		obj, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			return ""
		}
		text := types.TypeString(obj.Type().Underlying(), func(q *types.Package) string {
			if q == p {
				return ""
			}
			return q.Path()
		})
		if named, ok := obj.Type().(*types.Named); ok && named.TypeParams().Len() > 0 {
			text = fmt.Sprint(named.TypeParams().Len(), text)
		}
		return text
	}
	for _, name := range again {
		if shape(was, name) != shape(r.pkg, name) {
			r.out.Changed = append(r.out.Changed, name)
		}
	}
	return nil
}

// cellImports are the imports that the cell itself has.
func (r *reading) cellImports() (specs []*ast.ImportSpec) {
	for _, s := range r.file.Imports {
		if _, ok := r.at(s.Path.Pos()); ok {
			specs = append(specs, s)
		}
	}
	return specs
}

// check type-checks what GoNB gets with what it has from earlier cells.
func (r *reading) check() error {
	var w written
	w.add("package main\n")
	specs := golang.ImportNames(r.Earlier.Imports)
	own := golang.ImportNames(r.cellImports())
	for _, s := range r.cellImports() {
		if s.Name != nil && s.Name.Name == "_" {
			own[blankName(pathOf(s))] = "its own"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if own[name] == "" && !slices.Contains(r.more, specs[name]) && !slices.Contains(slices.Collect(maps.Values(r.aliases)), name) && !r.isIdent(name) {
			w.add("import " + specs[name] + "\n")
		}
	}
	r.program(&w, true, true)
	text := w.text.String()
	file, err := parser.ParseFile(r.files, "program.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("the cell does not parse as it was composed: %w\n%s", err, text)
	}
	replaced := golang.DeclaredNames(file)
	for _, name := range r.out.Forget {
		replaced["~"+name] = true
	}
	rest := r.Earlier.Parse(r.files, false, func(d golang.Declaration) bool { return !d.IsIn(replaced) })
	ours, err := parser.ParseFile(r.files, "ours.go", r.declareOurs(), parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	from, err := r.load(importPaths(file, rest, ours))
	if err != nil {
		return err
	}
	pkg, info, wrong := checked(r.files, from, file, rest, ours)
	for _, e := range wrong {
		at := r.files.PositionFor(e.Pos, false)
		if at.Filename != "program.go" {
			continue // the compiler finds it, if the program needs it
		}
		offset, mine := w.origin(at.Offset)
		if !mine && strings.Contains(e.Msg, "declared through import") {
			continue
		}
		text := e.Msg
		if said, ok := r.said[offset]; ok && mine {
			text = said // about what the person has written
		}
		r.problem(offset, strings.NewReplacer(golang.TakenPrefix, "", golang.OldPrefix, "").Replace(text)+r.hint(text))
	}
	if len(r.out.Problems) == 0 {
		r.needed = r.reach(pkg, info, file, rest, text)
		if err := r.findMakers(); err != nil {
			return err
		}
		r.missing(&w, info, file)
	}
	return nil
}

// hint says which import brings a name that nothing declares, where that is one of GoMLX's graphs.
func (r *reading) hint(text string) string {
	name, ok := strings.CutPrefix(text, "undefined: ")
	if !ok || !ast.IsExported(name) || strings.Contains(name, ".") {
		return ""
	}
	from, err := r.load([]string{graphPackage})
	if err != nil {
		return ""
	}
	graph, err := from.Import(graphPackage)
	if err != nil || graph.Scope().Lookup(name) == nil {
		return ""
	}
	return fmt.Sprintf("; import . %q brings it", graphPackage)
}

// findMakers finds the functions that make types which other packages cannot name: those that return an interface or such a type, and
// nothing else, or all of a package that has none of these.
func (r *reading) findMakers() error {
	r.makers = map[string][]string{}
	if len(r.needed.makers) == 0 {
		return nil
	}
	from, err := r.load(r.needed.makers)
	if err != nil {
		return err
	}
	for _, path := range r.needed.makers {
		p, err := from.Import(path)
		if err != nil || r.makers[path] != nil {
			continue // the program says what it lacks
		}
		var all []string
		for _, name := range p.Scope().Names() {
			f, ok := p.Scope().Lookup(name).(*types.Func)
			if !ok || !f.Exported() || f.Signature().TypeParams().Len() > 0 {
				continue
			}
			all = append(all, name)
			if results := f.Signature().Results(); results.Len() == 1 && (types.IsInterface(results.At(0).Type()) || !r.nameable(results.At(0).Type())) {
				r.makers[path] = append(r.makers[path], name)
			}
		}
		if r.makers[path] == nil {
			r.makers[path] = all
		}
	}
	return nil
}

// isIdent tells whether a lifted variable is called so.
func (r *reading) isIdent(name string) bool {
	return slices.ContainsFunc(r.lifted, func(v *variable) bool { return v.ident == name && !v.local })
}

// declareOurs declares what lies beside the program, as far as types go.
func (r *reading) declareOurs() string {
	var b strings.Builder
	olds := ""
	for _, name := range slices.Sorted(maps.Keys(r.olds)) {
		olds += "var " + golang.OldPrefix + name + " " + r.typeText(r.olds[name]) + "\n"
	}
	b.WriteString("package main\n")
	for _, path := range slices.Sorted(maps.Keys(r.aliases)) {
		fmt.Fprintf(&b, "import %s %q\n", r.aliases[path], path)
	}
	b.WriteString(olds + r.pointers())
	fmt.Fprintf(&b, "func %s() {}\nfunc %s() {}\nfunc %s(...any) {}\nfunc %s(...any) {}\nfunc %s(error) {}\n", endFunction, restFunction, showFunction, showSafely, failFunction)
	fmt.Fprintf(&b, "func %s(string, interface{ AssertValid() }) {}\n", nodeFunction)
	for name, text := range helpers() {
		if !r.knows(name) {
			b.WriteString(text)
		}
	}
	return b.String()
}

// missing names the variables that the cell uses, itself or by functions of earlier cells, and that did not outlive the cell that made
// them. One that the cell sets first is a new one.
func (r *reading) missing(w *written, info *types.Info, file *ast.File) {
	first := map[string]bool{} // names that have been met
	set := setFirst(file)
	ast.Inspect(file, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := info.Uses[id].(*types.Var)
		if !ok || v.IsField() || v.Parent() != v.Pkg().Scope() {
			return true
		}
		offset, mine := w.origin(r.files.PositionFor(id.Pos(), false).Offset)
		name := nameOf(v)
		switch why := r.lost(v); {
		case why == "" || r.made[name]:
		case set[id] && !first[name]:
			r.made[name] = true
		case mine:
			r.problem(offset, why)
		}
		first[name] = true
		return true
	})
	for obj := range r.needed.objects {
		v, ok := obj.(*types.Var)
		if !ok || !r.needed.variables[v.Name()] || first[nameOf(v)] {
			continue
		}
		if why := r.lost(v); why != "" {
			at := 0
			if len(r.items) > 0 {
				at = r.items[len(r.items)-1].From
			}
			r.problem(at, "a function of an earlier cell uses "+nameOf(v)+", and "+why)
		}
	}
}

// lost says why a variable of an earlier cell has no value; empty: it has one.
func (r *reading) lost(v *types.Var) string {
	name := nameOf(v)
	value, known := r.Values[name]
	if !known || r.liftedAs(name) != nil && !strings.HasPrefix(v.Name(), golang.OldPrefix) {
		return ""
	}
	why := value.Why
	for _, t := range r.out.Changed {
		if slices.Contains(value.Cells, t) {
			why = "this cell changes its type " + t
		}
	}
	if why == "" {
		return ""
	}
	return fmt.Sprintf("%s of cell [%d] is not kept: %s; make it in the cell that uses it", name, value.Cell, why)
}

// nameOf is the name that a person knows a variable of a program by.
func nameOf(v *types.Var) string {
	return strings.TrimPrefix(strings.TrimPrefix(v.Name(), golang.OldPrefix), golang.TakenPrefix)
}

// setFirst returns the identifiers on the left of assignments at the cell's top level.
func setFirst(file *ast.File) map[*ast.Ident]bool {
	set := map[*ast.Ident]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Name.Name != "main" || f.Recv != nil {
			return true
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok && n.Tok == token.ASSIGN {
						set[id] = true
					}
				}
			case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
				return false
			}
			return true
		})
		return false
	})
	return set
}
