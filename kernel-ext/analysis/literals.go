package analysis

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// A function literal can be the value of a variable, and so must be found by the programs of later cells. So it is moved to a function
// that makes it, and what it uses of the function around it comes by a pointer to a struct of pointers: all that it holds is then known.
//
//	i := 0                                        i := 0
//	return func() int { i++; return i }           return gantryLit3_1(&struct{ v0 *int }{&i})
//
// and
//
//	//go:noinline
//	func gantryLit3_1(gantryC *struct{ v0 *int }) func() int { return func() int { (*gantryC.v0)++; return (*gantryC.v0) } }
const (
	literalPrefix = "gantryLit"
	captured      = "gantryC"
)

// Maker returns the function that makes a literal, given the name of the literal's code; any other name is returned as it is.
func Maker(code string) string {
	own, ok := strings.CutPrefix(code, "main."+literalPrefix)
	if !ok {
		return code
	}
	return "main." + literalPrefix + firstName(own)
}

// literal is a function literal that is moved.
type literal struct {
	node     *ast.FuncLit
	name     string
	from, to int // of the source
	typeTo   int // where its type ends
	around   *literal
	uses     []*types.Var // variables around it
	place    edit         // what stands in its place
}

// moveLiterals moves the function literals that can be values.
func (r *reading) moveLiterals() {
	for _, d := range r.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && (f.Type.TypeParams != nil || isGeneric(f)) {
			continue // what it makes depends on types of its caller
		}
		r.moveIn(d, nil)
	}
	for _, l := range r.literals {
		l.place = edit{l.from, l.to, r.makes(l)}
	}
	for _, l := range r.literals {
		r.edits = append(r.edits, l.place)
	}
}

// isGeneric tells whether a method is one of a generic type.
func isGeneric(f *ast.FuncDecl) bool {
	generic := false
	if f.Recv != nil {
		ast.Inspect(f.Recv, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.IndexExpr, *ast.IndexListExpr:
				generic = true
			}
			return true
		})
	}
	return generic
}

// moveIn moves the literals in a node, which lies in the literal around, if in any.
func (r *reading) moveIn(n ast.Node, around *literal) {
	stays := map[*ast.FuncLit]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := ast.Unparen(n.Fun).(*ast.FuncLit); ok {
				stays[f] = true // it is called where it stands
			}
			if r.standard(n.Fun) {
				for _, a := range n.Args {
					if f, ok := a.(*ast.FuncLit); ok {
						stays[f] = true // a loop of the standard library calls it
					}
				}
			}
		case *ast.FuncLit:
			inside := around
			if l := r.movable(n, around); l != nil && !stays[n] {
				r.literals = append(r.literals, l)
				l.name = fmt.Sprintf("%s%d_%d", literalPrefix, r.Serial, len(r.literals))
				inside = l
				r.reachBack(l)
			}
			r.moveIn(n.Body, inside)
			return false
		}
		return true
	})
}

// standard tells whether a function is one of the standard library.
func (r *reading) standard(f ast.Expr) bool {
	if index, ok := f.(*ast.IndexExpr); ok {
		f = index.X
	}
	s, ok := ast.Unparen(f).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	obj := r.info.Uses[s.Sel]
	if obj == nil || obj.Pkg() == nil {
		return false
	}
	return isStandard(obj.Pkg().Path())
}

// movable returns a literal that can stand by itself, or nil.
func (r *reading) movable(f *ast.FuncLit, around *literal) *literal {
	from, to, ok := r.span(f)
	_, typeTo, ok2 := r.span(f.Type)
	if !ok || !ok2 {
		return nil
	}
	l := &literal{node: f, from: from, to: to, typeTo: typeTo, around: around}
	can := true
	main := r.mainBody()
	ast.Inspect(f, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		obj := r.info.Uses[id]
		if v, ok := obj.(*types.Var); ok && r.isReplaced(v) && main.Pos() <= f.Pos() && f.End() <= main.End() {
			if !slices.Contains(l.uses, v) {
				l.uses = append(l.uses, v)
			}
			return true
		}
		if obj == nil || obj.Pkg() != r.pkg || obj.Parent() == r.pkg.Scope() || f.Pos() <= obj.Pos() && obj.Pos() < f.End() {
			return true
		}
		switch obj := obj.(type) {
		case *types.Var:
			if v := r.byObject[obj]; obj.IsField() || v != nil && !v.local {
				return true
			}
			if !r.nameable(obj.Type()) {
				can = false
			} else if !slices.Contains(l.uses, obj) {
				l.uses = append(l.uses, obj)
			}
		case *types.TypeName, *types.Const:
			can = false // of the function around it
		}
		return true
	})
	if !can {
		return nil
	}
	return l
}

// reachBack has a literal use the variables around it by its pointers. Those inside it that are moved too are given its variables.
func (r *reading) reachBack(l *literal) {
	ast.Inspect(l.node, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := r.info.Uses[id].(*types.Var)
		if !ok || !slices.Contains(l.uses, v) {
			return true
		}
		if from, to, ok := r.span(id); ok {
			r.edits = slices.DeleteFunc(r.edits, func(e edit) bool { return e.from == from && e.to == to })
			r.edits = append(r.edits, edit{from, to, l.says(v)})
		}
		return true
	})
}

// says is how the body of a literal says a variable around it.
func (l *literal) says(v *types.Var) string {
	return fmt.Sprintf("(*%s.v%d)", captured, slices.Index(l.uses, v))
}

// makes is what makes a literal where it stood.
func (r *reading) makes(l *literal) string {
	if len(l.uses) == 0 {
		return l.name + "()"
	}
	var values []string
	for _, v := range l.uses {
		said := v.Name()
		if l.around != nil && slices.Contains(l.around.uses, v) {
			said = l.around.says(v)
		} else if known := r.byObject[v]; known != nil {
			said = known.ident
		} else if v.Parent() == r.pkg.Scope() {
			said = golang.OldPrefix + v.Name()
		}
		values = append(values, "&"+said)
	}
	return fmt.Sprintf("%s(&%s{%s})", l.name, r.captures(l), strings.Join(values, ", "))
}

// captures is the type of what a literal holds.
func (r *reading) captures(l *literal) string {
	var fields []string
	for i, v := range l.uses {
		fields = append(fields, fmt.Sprintf("v%d *%s", i, r.typeText(v.Type())))
	}
	return "struct{ " + strings.Join(fields, "; ") + " }"
}

// factories writes the functions that make literals.
func (r *reading) factories(w *written) {
	for _, l := range r.literals {
		w.add("//go:noinline\nfunc " + l.name + "(")
		if len(l.uses) > 0 {
			w.add(captured + " *" + r.captures(l))
		}
		w.add(") ")
		inside := slices.DeleteFunc(slices.Clone(r.edits), func(e edit) bool {
			return e == l.place || e.from == e.to && (e.from == l.from || e.from == l.to) // which is put around it
		})
		w.splice(r.source, l.from, l.typeTo, inside)
		w.add(" { return ")
		w.splice(r.source, l.from, l.to, inside)
		w.add(" }\n")
	}
}
