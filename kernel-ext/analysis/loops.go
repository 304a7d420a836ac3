package analysis

import (
	"go/ast"
	"go/token"
	"go/types"
)

// labPackage has loops that end in order.
const labPackage = "gantry.local/kernel-ext/lab"

// loops has the cell's loops over lab.Steps end in order when the cell is interrupted: range lab.Steps(…) becomes range
// lab.Loop(lab.Steps(…)), also by way of a variable.
func (r *reading) loops() {
	counts := map[types.Object]bool{} // variables that are set once, to lab.Steps(…)
	ast.Inspect(r.file, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok && s.Tok == token.DEFINE && len(s.Lhs) == 1 && len(s.Rhs) == 1 && r.isSteps(s.Rhs[0]) {
			if id, ok := s.Lhs[0].(*ast.Ident); ok && r.info.Defs[id] != nil {
				counts[r.info.Defs[id]] = true
			}
		}
		return true
	})
	ast.Inspect(r.file, func(n ast.Node) bool {
		s, ok := n.(*ast.RangeStmt)
		if !ok {
			return true
		}
		id, isName := s.X.(*ast.Ident)
		if !r.isSteps(s.X) && !(isName && counts[r.info.Uses[id]]) {
			return true
		}
		if from, to, ok := r.span(s.X); ok {
			r.edits = append(r.edits, edit{from, from, r.alias(labPackage) + ".Loop("}, edit{to, to, ")"})
		}
		return true
	})
}

// isSteps tells whether an expression is a call of lab.Steps.
func (r *reading) isSteps(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.SelectorExpr:
		name = f.Sel
	case *ast.Ident:
		name = f
	default:
		return false
	}
	obj := r.info.Uses[name]
	return obj != nil && obj.Name() == "Steps" && obj.Pkg() != nil && obj.Pkg().Path() == labPackage
}
