package analysis

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// A cell that declares a name anew makes another variable of it, and who points to the old one keeps that. Functions know only the name:
// they are to have the old variable until the new one is declared, and that from then on. So where a function can be called before, the
// program has two variables and a pointer, by which its functions read the name:
//
//	n := next()                n = next(); gantryAt_n = &n
//	func next() int {          func next() int {
//		n++                        (*gantryAt_n)++
//		return n                   return (*gantryAt_n)
//	}                          }
//
// Functions stay as they are in what GoNB remembers. The pointer is there for each variable that is declared anew: a cell that returns
// before the declaration leaves the old one under the name.

// declaredAgain tells whether a variable of the cell takes the name of one that is kept and has the same type.
func (r *reading) declaredAgain(v *variable) bool {
	value, kept := r.Values[v.name]
	return kept && value.Why == "" && !v.local && v.fresh && r.Earlier.Types[v.name] == r.typeText(v.typ)
}

// takesName returns what is put behind a declaration that ends at to, for variables that take the names of others.
func (r *reading) takesName(to int, declared []*variable) []edit {
	var pointers, places []string
	for _, v := range declared {
		if r.declaredAgain(v) {
			pointers, places = append(pointers, golang.AtPrefix+v.name), append(places, "&"+v.ident)
		}
	}
	if len(pointers) == 0 {
		return nil
	}
	return []edit{{to, to, "; " + strings.Join(pointers, ", ") + " = " + strings.Join(places, ", ")}}
}

// pointers declares the pointers by which functions read names.
func (r *reading) pointers() (source string) {
	for _, v := range r.lifted {
		if !r.declaredAgain(v) {
			continue
		}
		source += "var " + golang.AtPrefix + v.name + " *" + r.typeText(v.typ)
		if r.carried[v.name] {
			source += " = &" + golang.OldPrefix + v.name
		}
		source += "\n"
	}
	return source
}

// findCarried finds the new variables whose names functions read, so that these need the old ones, and tells whether there are more of them
// than were known.
func (r *reading) findCarried(pkg *types.Package, reached map[*unit]bool) (more bool) {
	for _, v := range r.lifted {
		if !r.declaredAgain(v) || r.carried[v.name] {
			continue
		}
		obj := pkg.Scope().Lookup(v.ident)
		for u := range reached {
			if u.Names[0] != "main" && u.uses[obj] {
				r.carried[v.name], r.olds[v.name], more = true, v.typ, true
				break
			}
		}
	}
	return more
}

// readByPointers writes the functions that read such names, in files with these texts.
func (r *reading) readByPointers(pkg *types.Package, info *types.Info, reached map[*unit]bool, mine, rest string) {
	if len(r.carried) == 0 {
		return
	}
	names := map[types.Object]string{}
	for name := range r.carried {
		names[pkg.Scope().Lookup(r.liftedAs(name).ident)] = "(*" + golang.AtPrefix + name + ")"
	}
	at := func(n ast.Node) (from, to int) {
		from = r.files.PositionFor(n.Pos(), false).Offset
		return from, from + int(n.End()-n.Pos())
	}
	for u := range reached {
		if _, ok := u.Node.(*ast.FuncDecl); !ok || u.Names[0] == "main" {
			continue
		}
		var edits []edit
		ast.Inspect(u.Node, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && names[info.Uses[id]] != "" {
				from, to := at(id)
				edits = append(edits, edit{from, to, names[info.Uses[id]]})
			}
			return true
		})
		if edits == nil {
			continue
		}
		if r.out.Instead == nil {
			r.out.Instead = map[string]string{}
		}
		source := rest
		if u.mine {
			source = mine
		}
		var w written
		from, to := at(u.Node)
		if u.isGeneric() {
			from = r.start(u)
		}
		w.splice(source, from, to, sortEdits(edits))
		r.out.Instead[u.keys()[0]] = w.text.String()
	}
}

// calledTooSoon finds calls of functions that read a name before the cell declares it anew with another type: a program has such functions
// for one type only.
func (r *reading) calledTooSoon() {
	body := r.mainBody()
	var users map[types.Object][]types.Object
	for _, s := range body.List {
		for obj, v := range r.byObject {
			if obj.Pos() < s.Pos() || s.End() <= obj.Pos() || !v.fresh || r.Values[v.name].Why != "" {
				continue
			}
			old := r.earlierVariable(v.name)
			if old == nil || types.Identical(old.Type(), v.typ) {
				continue
			}
			if users == nil {
				users = r.users()
			}
			reads := readers(old, users)
			ast.Inspect(body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || call.Pos() > s.End() {
					return true
				}
				name, ok := ast.Unparen(call.Fun).(*ast.Ident)
				if method, is := ast.Unparen(call.Fun).(*ast.SelectorExpr); is {
					name, ok = method.Sel, true
				}
				if at, mine := r.at(call.Pos()); ok && mine && r.info.Uses[name] != types.Object(old) && reads[r.info.Uses[name]] {
					r.problem(at, fmt.Sprintf("%s uses %s, which this cell declares with another type: call it in a cell before, or give the new one another name", name.Name, v.name))
				}
				return true
			})
		}
	}
}

// users lists, for what functions of the cell and of earlier ones use, these functions.
func (r *reading) users() map[types.Object][]types.Object {
	users := map[types.Object][]types.Object{}
	for _, file := range []*ast.File{r.file, r.rest} {
		if file == nil {
			continue
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || f.Body == r.mainBody() {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && r.info.Uses[id] != nil {
					users[r.info.Uses[id]] = append(users[r.info.Uses[id]], r.info.Defs[f.Name])
				}
				return true
			})
		}
	}
	return users
}

// readers are the functions that read a variable, themselves or by others, and the variable.
func readers(v *types.Var, users map[types.Object][]types.Object) map[types.Object]bool {
	reads := map[types.Object]bool{v: true}
	for next := []types.Object{v}; len(next) > 0; next = next[1:] {
		for _, f := range users[next[0]] {
			if !reads[f] {
				reads[f] = true
				next = append(next, f)
			}
		}
	}
	return reads
}
