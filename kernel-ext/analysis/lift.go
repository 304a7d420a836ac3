package analysis

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// variable is one that the cell declares at its top level. In programs it is a variable of the package, without an initialiser: that is
// a statement of the cell.
type variable struct {
	name  string
	ident string // in programs
	typ   types.Type
	fresh bool // it is a new one: what an earlier cell has under the name is another
	local bool // it cannot be one of the package, since no program can write its type
}

// initialiser is a declaration of variables in front of all statements.
type initialiser struct {
	spec     *ast.ValueSpec
	from, to int // of the source
	edits    []edit
}

// at returns where in the cell's source a position of the file is; ok is false for words of ours.
func (r *reading) at(pos token.Pos) (offset int, ok bool) {
	return r.looked.origin(r.files.PositionFor(pos, false).Offset)
}

// span is where a node is in the cell's source.
func (r *reading) span(n ast.Node) (from, to int, ok bool) {
	from, ok = r.at(n.Pos())
	to, ok2 := r.at(n.End() - 1)
	return from, to + 1, ok && ok2
}

// mainBody returns the statements of main.
func (r *reading) mainBody() *ast.BlockStmt {
	for _, d := range r.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" {
			return f.Body
		}
	}
	return &ast.BlockStmt{}
}

// lift makes the variables at the cell's top level such that live on.
func (r *reading) lift() {
	for _, d := range r.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				r.liftSpec(s.(*ast.ValueSpec), true)
			}
		}
	}
	r.orderInitialisers()
	if r.main == nil {
		for _, s := range r.mainBody().List {
			for label, ok := s.(*ast.LabeledStmt); ok; label, ok = s.(*ast.LabeledStmt) {
				s = label.Stmt
			}
			switch s := s.(type) {
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					r.liftDefine(s)
				}
			case *ast.DeclStmt:
				if g, ok := s.Decl.(*ast.GenDecl); ok && g.Tok == token.VAR {
					r.liftGroup(g)
				}
			}
		}
	}
	r.rename()
}

// liftDefine lifts what a := declares.
func (r *reading) liftDefine(s *ast.AssignStmt) {
	var made []*ast.Ident
	added := false
	for _, l := range s.Lhs {
		id, ok := l.(*ast.Ident)
		if !ok || id.Name == "_" || r.info.Defs[id] == nil {
			continue
		}
		if !r.nameable(r.info.Defs[id].Type()) {
			r.localise(s.Lhs)
			return
		}
		made = append(made, id)
		added = added || r.Earlier.Variables[id.Name] == ""
	}
	var declared []*variable
	for _, id := range made {
		v := r.newVariable(id)
		if old := r.earlierVariable(id.Name); added && old != nil && types.Identical(old.Type(), v.typ) {
			v.fresh = false // as err in n, err := f()
		}
		declared = append(declared, v)
	}
	if _, to, ok := r.span(s); ok {
		r.edits = append(r.edits, r.takesName(to, declared)...)
	}
	if from, ok := r.at(s.TokPos); ok {
		r.edits = append(r.edits, edit{from, from + 2, " ="})
	}
}

// localise notes variables whose type no program can write.
func (r *reading) localise(names []ast.Expr) {
	for _, l := range names {
		if id, ok := l.(*ast.Ident); ok && r.info.Defs[id] != nil {
			v := &variable{name: id.Name, ident: id.Name, typ: r.info.Defs[id].Type(), local: true, fresh: true}
			r.byObject[r.info.Defs[id]] = v
			r.lifted = append(r.lifted, v)
		}
	}
}

// liftGroup lifts what a var declares among statements: each of its lines becomes a statement.
func (r *reading) liftGroup(g *ast.GenDecl) {
	from, ok := r.at(g.Pos())
	if !ok {
		return
	}
	r.edits = append(r.edits, edit{from, from + len("var"), "   "})
	if g.Lparen.IsValid() {
		open, _ := r.at(g.Lparen)
		shut, _ := r.at(g.Rparen)
		r.edits = append(r.edits, edit{open, open + 1, " "}, edit{shut, shut + 1, " "})
	}
	for _, s := range g.Specs {
		r.edits = append(r.edits, r.liftSpec(s.(*ast.ValueSpec), false)...)
	}
}

// liftSpec lifts the variables of one declaration and returns the edits that make it a statement. One that is early is written in front
// of all statements.
func (r *reading) liftSpec(s *ast.ValueSpec, early bool) (edits []edit) {
	from, to, ok := r.span(s)
	if !ok {
		return nil
	}
	if early && r.isFlags(s) {
		r.flags = append(r.flags, initialiser{spec: s, from: from, to: to})
		return nil
	}
	named := false
	for _, id := range s.Names {
		named = named || id.Name != "_"
		if obj := r.info.Defs[id]; obj != nil && id.Name != "_" && !r.nameable(obj.Type()) {
			names := make([]ast.Expr, len(s.Names))
			for i, id := range s.Names {
				names[i] = id
			}
			r.localise(names)
			named = false
			break
		}
	}
	switch {
	case !named:
		edits = append(edits, edit{from, from, "var "})
	default:
		var declared []*variable
		for _, id := range s.Names {
			if id.Name != "_" {
				declared = append(declared, r.newVariable(id))
			}
		}
		edits = r.takesName(to, declared)
		end := to
		if len(s.Values) > 0 {
			end, _ = r.at(s.Values[0].Pos())
		}
		if len(s.Values) == 0 {
			edits = append(edits, edit{from, to, r.zeros(s)})
		} else if s.Type != nil {
			if typeFrom, typeTo, ok := r.span(s.Type); ok && typeTo <= end {
				edits = append(edits, edit{typeFrom, typeTo, ""})
			}
		}
	}
	if early {
		r.inits = append(r.inits, initialiser{s, from, to, edits})
	}
	return edits
}

// zeros is a statement that gives variables without a value theirs: a function can have seen the old ones of their names. Where there are
// none, they have it, or what a function init has given them before the statements run.
func (r *reading) zeros(s *ast.ValueSpec) string {
	var names, values []string
	for _, id := range s.Names {
		switch {
		case id.Name == "_":
		case r.Earlier.Variables[id.Name] == "":
			names, values = append(names, "_"), append(values, r.called(id.Name))
		default:
			names, values = append(names, r.called(id.Name)), append(values, "*new("+r.typeText(r.info.Defs[id].Type())+")")
		}
	}
	return strings.Join(names, ", ") + " = " + strings.Join(values, ", ")
}

// isFlags tells whether all that variables are given are flags of the program. They stay as GoNB has them: registered in each program,
// before its arguments are read.
func (r *reading) isFlags(s *ast.ValueSpec) bool {
	for _, v := range s.Values {
		call, ok := v.(*ast.CallExpr)
		if !ok {
			return false
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		if obj := r.info.Uses[f.Sel]; obj == nil || obj.Pkg() == nil || obj.Pkg().Path() != "flag" {
			return false
		}
	}
	return len(s.Values) > 0
}

// orderInitialisers puts the initialisers into the order in which Go runs them for a package.
func (r *reading) orderInitialisers() {
	order := map[*types.Var]int{}
	for i, init := range r.info.InitOrder {
		for _, v := range init.Lhs {
			order[v] = i + 1
		}
	}
	place := func(i initialiser) int {
		for _, id := range i.spec.Names {
			if v, ok := r.info.Defs[id].(*types.Var); ok && order[v] > 0 {
				return order[v]
			}
		}
		return 0 // those without a value
	}
	slices.SortStableFunc(r.inits, func(a, b initialiser) int { return place(a) - place(b) })
}

// newVariable lifts the variable that an identifier declares.
func (r *reading) newVariable(id *ast.Ident) *variable {
	v := &variable{name: id.Name, ident: r.called(id.Name), fresh: true}
	if obj := r.info.Defs[id]; obj != nil {
		v.typ = obj.Type()
		r.byObject[obj] = v
	}
	r.lifted = slices.DeleteFunc(r.lifted, func(old *variable) bool { return old.name == v.name })
	r.lifted = append(r.lifted, v)
	return v
}

// called returns what a variable is called in programs: its name, unless an import, Go itself, or something else in cells has that.
func (r *reading) called(name string) string {
	if was := r.Earlier.Variables[name]; was != "" && was != name {
		return was
	}
	imported := func(specs map[string]string) bool { return specs[name] != "" }
	if imported(golang.ImportNames(r.file.Imports)) || imported(golang.ImportNames(r.Earlier.Imports)) || types.Universe.Lookup(name) != nil ||
		r.Earlier.Names[name] || r.Earlier.Lacks[name] != nil || name == "main" || name == "init" {
		return golang.TakenPrefix + name
	}
	return name
}

// earlierVariable is the variable of earlier cells with a name, or nil.
func (r *reading) earlierVariable(name string) *types.Var {
	if r.Earlier.Variables[name] == "" {
		return nil
	}
	v, _ := r.pkg.Scope().Lookup(name).(*types.Var)
	return v
}

// lift looks up what the cell lifts under a name.
func (r *reading) liftedAs(name string) *variable {
	for _, v := range r.lifted {
		if v.name == name && !v.local {
			return v
		}
	}
	return nil
}

// rename has the cell's text call variables what they are called in programs.
func (r *reading) rename() {
	var inFunction bool
	for _, d := range r.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		inFunction = ok && !(f.Recv == nil && f.Name.Name == "main")
		ast.Inspect(d, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			name := id.Name
			if obj := r.info.Defs[id]; obj != nil && r.byObject[obj] != nil {
				name = r.byObject[obj].ident
			} else if obj := r.info.Uses[id]; obj != nil {
				name = r.identFor(obj, inFunction)
			} else if v := r.liftedAs(id.Name); v != nil && inFunction && r.info.Defs[id] == nil && r.unresolved(id) {
				name = v.ident
			}
			if name == id.Name || name == "" {
				return true
			}
			if from, to, ok := r.span(id); ok {
				r.edits = append(r.edits, edit{from, to, name})
			}
			return true
		})
	}
}

// unresolved tells whether nothing is known of an identifier, as of a variable among statements that a function of the cell uses.
func (r *reading) unresolved(id *ast.Ident) bool { return r.info.Uses[id] == nil }

// identFor is what an object is called in programs; empty: as it is.
func (r *reading) identFor(obj types.Object, inFunction bool) string {
	if v := r.byObject[obj]; v != nil {
		return v.ident
	}
	v, ok := obj.(*types.Var)
	if !ok || v.Pkg() != r.pkg || v.Parent() != r.pkg.Scope() || r.Earlier.Variables[v.Name()] == "" {
		return ""
	}
	if r.isReplaced(v) && !inFunction {
		r.olds[v.Name()] = v.Type()
		return golang.OldPrefix + v.Name()
	}
	if now := r.liftedAs(v.Name()); now != nil {
		return now.ident
	}
	return r.Earlier.Variables[v.Name()]
}

// isReplaced tells whether a variable is that of an earlier cell whose name the cell declares anew.
func (r *reading) isReplaced(v *types.Var) bool {
	return v.Pkg() == r.pkg && v.Parent() == r.pkg.Scope() && r.byObject[v] == nil && r.Earlier.Variables[v.Name()] != "" && r.replaced(v.Name())
}

// nameable tells whether a program can write a type.
func (r *reading) nameable(t types.Type) bool {
	seen := map[types.Type]bool{}
	var can func(types.Type) bool
	tuple := func(t *types.Tuple) bool {
		for v := range t.Variables() {
			if !can(v.Type()) {
				return false
			}
		}
		return true
	}
	can = func(t types.Type) bool {
		if t == nil || seen[t] {
			return t != nil
		}
		seen[t] = true
		named := func(obj *types.TypeName, args *types.TypeList) bool {
			if obj.Pkg() != nil && (obj.Parent() != obj.Pkg().Scope() || obj.Pkg() != r.pkg && !obj.Exported()) {
				return false
			}
			for i := range args.Len() {
				if !can(args.At(i)) {
					return false
				}
			}
			return true
		}
		switch t := t.(type) {
		case *types.Basic:
			return t.Kind() != types.Invalid && t.Info()&types.IsUntyped == 0
		case *types.Named:
			return named(t.Obj(), t.TypeArgs())
		case *types.Alias:
			return named(t.Obj(), t.TypeArgs()) || can(types.Unalias(t))
		case *types.Pointer:
			return can(t.Elem())
		case *types.Slice:
			return can(t.Elem())
		case *types.Array:
			return can(t.Elem())
		case *types.Chan:
			return can(t.Elem())
		case *types.Map:
			return can(t.Key()) && can(t.Elem())
		case *types.Signature:
			return tuple(t.Params()) && tuple(t.Results())
		case *types.Struct:
			for f := range t.Fields() {
				if !can(f.Type()) || !f.Exported() && f.Pkg() != r.pkg {
					return false
				}
			}
			return true
		case *types.Interface:
			for m := range t.ExplicitMethods() {
				if !can(m.Type()) || !m.Exported() && m.Pkg() != r.pkg {
					return false
				}
			}
			for e := range t.EmbeddedTypes() {
				if !can(e) {
					return false
				}
			}
			return true
		case *types.Union:
			return true
		}
		return false // a type parameter
	}
	return can(t)
}

// typeText is a type as programs write it. Packages have names of ours, which no import of a person can take.
func (r *reading) typeText(t types.Type) string {
	if alias, ok := t.(*types.Alias); ok && (alias.Obj().Pkg() != nil && alias.Obj().Pkg() != r.pkg && !alias.Obj().Exported()) {
		t = types.Unalias(t)
	}
	return types.TypeString(t, func(p *types.Package) string {
		if p == r.pkg || p.Path() == "main" {
			return ""
		}
		return r.alias(p.Path())
	})
}

// aliasPrefix begins the names of ours for packages.
const aliasPrefix = "gantry_"

// alias is the name of ours for a package, which the program then imports.
func (r *reading) alias(importPath string) string {
	if r.aliases[importPath] == "" {
		r.aliases[importPath] = nameOfPackage(importPath)
	}
	return r.aliases[importPath]
}

// nameOfPackage makes a name of the path of a package.
func nameOfPackage(importPath string) string {
	name := aliasPrefix
	for _, c := range strings.TrimPrefix(strings.TrimPrefix(importPath, "gantry.local/"), "kernel-ext/") {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			name += string(c)
		case c == '/':
			name += "_"
		default:
			name += "_" + strconv.Itoa(int(c)) + "_"
		}
	}
	return name
}
