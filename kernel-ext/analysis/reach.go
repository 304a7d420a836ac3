package analysis

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
	"unicode"

	"gantry.local/kernel-ext/golang"
)

// initPrefix begins the names of functions that GoNB has run before main.
const initPrefix = "init_"

// need is what a program needs of what cells declare.
type need struct {
	variables map[string]bool // that its statements can reach, by what they are called
	objects   map[types.Object]bool
	code      map[string]string // functions that its values hold, see Value.Code
	types     []string          // likewise
	makers    []string          // packages, see Value.Makers
	ours      map[string]bool   // functions of ours
	packages  map[string]bool   // that it imports
}

// unit is a declaration with what it uses.
type unit struct {
	golang.Declaration
	mine    bool
	objects []types.Object // that it declares
	uses    map[types.Object]bool
	dots    map[string]bool // packages that it uses without a name
	named   map[string]bool // packages that it uses by name
}

// reach finds what the program needs: all that the cell declares, and what that, its statements, and its values use. text is that of mine.
func (r *reading) reach(pkg *types.Package, info *types.Info, mine, rest *ast.File, text string) need {
	var units []*unit
	owner := map[types.Object]*unit{}
	methods := map[string][]*unit{}
	for _, file := range []*ast.File{mine, rest} {
		if file == nil {
			continue
		}
		for _, d := range golang.Declarations(file) {
			u := &unit{Declaration: d, mine: file == mine}
			u.uses, u.dots, u.named = usedBy(d.Node, pkg, info)
			if d.Method != "" {
				methods[d.Method] = append(methods[d.Method], u)
			} else {
				for _, name := range d.Names {
					if obj := pkg.Scope().Lookup(name); obj != nil {
						owner[obj] = u
						u.objects = append(u.objects, obj)
					}
				}
			}
			units = append(units, u)
		}
	}
	n := need{code: map[string]string{}, variables: map[string]bool{}, objects: map[types.Object]bool{}, ours: map[string]bool{}, packages: map[string]bool{}}
	dots := map[string]bool{}
	reached := map[*unit]bool{}
	var follow func(u *unit)
	object := func(obj types.Object) {
		n.objects[obj] = true
		if u := owner[obj]; u != nil {
			follow(u)
		} else if obj.Pkg() == pkg {
			n.ours[obj.Name()] = true
		}
	}
	follow = func(u *unit) {
		if reached[u] {
			return
		}
		reached[u] = true
		for path := range u.dots {
			dots[path], n.packages[path] = true, true
		}
		for path := range u.named {
			n.packages[path] = true
		}
		for obj := range u.uses {
			object(obj)
		}
		for _, obj := range u.objects {
			n.objects[obj] = true
			if _, ok := obj.(*types.TypeName); ok {
				for _, m := range methods[obj.Name()] {
					follow(m)
				}
			}
		}
	}
	for _, u := range units {
		if name := u.Names[0]; u.Method == "" && (name == "main" || name == "init" || strings.HasPrefix(name, initPrefix)) {
			follow(u)
		}
	}
	groups := map[int]bool{}
	for again := true; again; { // values bring functions, which bring variables
		again = r.findCarried(pkg, reached)
		for obj := range n.objects {
			v, ok := obj.(*types.Var)
			if !ok {
				continue
			}
			n.variables[v.Name()] = true
			name := nameOf(v)
			value, ok := r.Values[name]
			if !ok || value.Why != "" || groups[value.Group] || r.replaced(name) && !r.carried[name] && !strings.HasPrefix(v.Name(), golang.OldPrefix) {
				continue
			}
			groups[value.Group], again = true, true
			for other, value2 := range r.Values {
				if value2.Why != "" || value2.Group != value.Group {
					continue
				}
				if r.replaced(other) {
					if old := r.earlierVariable(other); old != nil {
						r.olds[other] = old.Type()
					}
				} else if obj := pkg.Scope().Lookup(r.Earlier.Variables[other]); obj != nil {
					object(obj)
				}
			}
			var own []string
			for _, expr := range slices.Concat(value.Types, slices.Collect(maps.Values(value.Code))) {
				own = append(own, ownNames(expr)...)
			}
			for _, other := range r.Values {
				if other.Group == value.Group {
					own = append(own, other.Cells...)
				}
			}
			for _, name := range own {
				if obj := pkg.Scope().Lookup(name); obj != nil {
					object(obj)
				}
			}
			n.types = append(n.types, value.Types...)
			maps.Copy(n.code, value.Code)
			n.makers = append(n.makers, value.Makers...)
		}
	}
	slices.Sort(n.types)
	n.types = slices.Compact(n.types)
	for _, u := range units {
		if u.mine {
			follow(u)
		}
	}
	r.readByPointers(pkg, info, reached, text, r.Earlier.Source)
	for _, u := range units {
		if !reached[u] {
			r.out.Leave = append(r.out.Leave, u.keys()...)
		}
	}
	for _, f := range r.lateInits() {
		r.out.Leave = append(r.out.Leave, f.Name.Name)
	}
	for _, u := range units {
		if u.mine && u.isGeneric() {
			if r.out.Methods == nil {
				r.out.Methods = map[string]string{}
			}
			r.out.Methods[u.keys()[0]] = text[r.start(u):r.files.PositionFor(u.Node.End(), false).Offset]
		}
	}
	r.forgetMakers(units)
	for _, spec := range append(slices.Clone(r.cellImports()), r.Earlier.Imports...) {
		if path := pathOf(spec); spec.Name != nil && spec.Name.Name == "." && !dots[path] {
			r.out.Leave = append(r.out.Leave, ".~"+path)
		}
	}
	slices.Sort(r.out.Leave)
	r.out.Leave = slices.Compact(r.out.Leave)
	r.revert(units, pkg)
	return n
}

// ownNames lists the names of cells in a type or function whose packages have their paths in quotes.
func ownNames(expr string) (names []string) {
	parts := strings.Split(expr, "\"")
	for i := 1; i+1 < len(parts); i += 2 {
		if parts[i] == "main" {
			names = append(names, firstName(strings.TrimPrefix(parts[i+1], ".")))
		}
	}
	return names
}

// firstName is the name that a text begins with.
func firstName(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		return text
	}
	return text[:end]
}

// forgetMakers lists the functions that make function literals and that nothing of the notebook uses any more: literals of cells that were
// run again.
func (r *reading) forgetMakers(units []*unit) {
	used := map[string]bool{}
	for _, v := range r.Values {
		for _, expr := range v.Code {
			for _, name := range ownNames(expr) {
				used[name] = true
			}
		}
	}
	for again := true; again; {
		again = false
		for _, u := range units {
			if name := u.Names[0]; strings.HasPrefix(name, literalPrefix) && !u.mine && !used[name] {
				continue
			}
			for obj := range u.uses {
				if name := obj.Name(); strings.HasPrefix(name, literalPrefix) && !used[name] {
					used[name], again = true, true
				}
			}
		}
	}
	for _, u := range units {
		if name := u.Names[0]; strings.HasPrefix(name, literalPrefix) && !u.mine && !used[name] {
			r.out.Forget = append(r.out.Forget, name)
		}
	}
}

// replaced tells whether the cell makes a new variable of a name.
func (r *reading) replaced(name string) bool {
	v := r.liftedAs(name)
	return v != nil && v.fresh
}

// usedBy returns the objects of the package that a declaration uses, and the packages that it uses without a name and by name.
func usedBy(node ast.Node, pkg *types.Package, info *types.Info) (uses map[types.Object]bool, dots, named map[string]bool) {
	uses, dots, named = map[types.Object]bool{}, map[string]bool{}, map[string]bool{}
	selected := map[*ast.Ident]bool{}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			selected[n.Sel] = true
		case *ast.Ident:
			obj := info.Uses[n]
			if imported, ok := obj.(*types.PkgName); ok {
				named[imported.Imported().Path()] = true
				return true
			}
			if obj == nil || obj.Pkg() == nil {
				return true
			}
			if obj.Pkg() == pkg && obj.Parent() == pkg.Scope() {
				uses[obj] = true
			} else if obj.Pkg() != pkg && !selected[n] && obj.Parent() == obj.Pkg().Scope() {
				dots[obj.Pkg().Path()] = true
			}
		}
		return true
	})
	return uses, dots, named
}

// isGeneric tells whether a unit is a method of a generic type.
func (u *unit) isGeneric() bool {
	f, ok := u.Node.(*ast.FuncDecl)
	return ok && isGeneric(f)
}

// start is where in its file a unit begins, with its comment.
func (r *reading) start(u *unit) int {
	from := u.Node.Pos()
	if u.Doc != nil {
		from = u.Doc.Pos()
	}
	return r.files.PositionFor(from, false).Offset
}

// keys are what the engine calls the declarations of a unit.
func (u *unit) keys() []string {
	if u.Method != "" {
		return []string{u.Method + "~" + u.Names[0]}
	}
	return u.Names
}

// revert lists what of the cell's declarations goes when it fails: its variables, types that replace others, and what uses any of these.
func (r *reading) revert(units []*unit, pkg *types.Package) {
	gone := map[types.Object]bool{}
	for _, u := range units {
		if !u.mine || u.Method != "" {
			continue
		}
		for _, obj := range u.objects {
			_, isType := obj.(*types.TypeName)
			if _, isVar := obj.(*types.Var); isVar || isType && r.Earlier.Names[obj.Name()] || r.Earlier.Variables[obj.Name()] != "" {
				gone[obj] = true
			}
		}
	}
	taken := map[*unit]bool{}
	for again := len(gone) > 0; again; {
		again = false
		for _, u := range units {
			if !u.mine || taken[u] {
				continue
			}
			out := slices.ContainsFunc(u.objects, func(obj types.Object) bool { return gone[obj] })
			for obj := range u.uses {
				out = out || gone[obj]
			}
			if t := pkg.Scope().Lookup(u.Method); u.Method != "" && gone[t] {
				out = true
			}
			if !out {
				continue
			}
			taken[u], again = true, true
			for _, obj := range u.objects {
				gone[obj] = true
			}
			if u.Names[0] != "main" {
				r.out.Revert = append(r.out.Revert, u.keys()...)
			}
		}
	}
	r.out.Revert = append(r.out.Revert, r.out.Forget...)
	slices.Sort(r.out.Revert)
	r.out.Revert = slices.Compact(r.out.Revert)
}
