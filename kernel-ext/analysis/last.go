package analysis

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"strings"

	"gantry.local/kernel-ext/golang"
)

// Functions that lie beside the program of a cell, see beside.go.
const (
	endFunction  = "gantryEnd"
	showFunction = "gantryShow"   // shows values
	showSafely   = "gantryShowOf" // the last of the values is an error: it fails the cell, or the others are shown
	warnFunction = "gantryWarn"   // says that an error was left as it is
	failFunction = "gantryFail"   // fails the cell with an error, unless it is nil
	restFunction = "gantryRest"   // leaves the cell in order where it was interrupted
	nodeFunction = "gantryNode"   // says which node of a graph a name is
)

// lastList returns what makes a call of several expressions that a cell ends with, as in x, y: they are shown side by side. Go has no such
// statement. Beside a function main of the cell's own no statement counts.
func (r *reading) lastList() []edit {
	if r.main != nil || len(r.items) == 0 {
		return nil
	}
	it := r.items[len(r.items)-1]
	if it.Kind != golang.Statement || it.Silent {
		return nil
	}
	e, err := parser.ParseExpr("f(" + r.source[it.From:it.To] + ")")
	call, ok := e.(*ast.CallExpr)
	if err != nil || !ok || len(call.Args) < 2 || call.Ellipsis.IsValid() {
		return nil
	}
	return []edit{{it.From, it.From, showFunction + "("}, {it.To, it.To, ")"}}
}

// last has the cell show the value of its last expression.
func (r *reading) last() {
	list := r.mainBody().List
	if len(list) == 0 {
		return
	}
	if r.shownList != nil {
		for _, e := range list[len(list)-1].(*ast.ExprStmt).X.(*ast.CallExpr).Args {
			r.showsPictures = r.showsPictures || isPicture(r.info.Types[e].Type)
		}
		r.ours[showFunction], r.out.Shows = true, true
		r.edits = append(r.edits, r.shownList...)
		return
	}
	s, ok := list[len(list)-1].(*ast.ExprStmt)
	if !ok {
		return
	}
	from, to, ok := r.span(s.X)
	if !ok {
		return
	}
	function := r.shows(s.X)
	if strings.HasPrefix(strings.TrimLeft(r.source[to:], " \t"), ";") {
		if function != "" && !isCall(s.X) {
			r.edits = append(r.edits, edit{from, from, "_ = "})
		}
		return
	}
	if function == "" {
		return
	}
	r.ours[function] = true
	r.out.Shows = function != failFunction
	r.showsPictures = isPicture(r.info.Types[s.X].Type)
	if known := r.info.Types[s.X]; known.Value != nil && known.Value.Kind() == constant.Int && isUntyped(known.Type) {
		if _, fits := constant.Int64Val(known.Value); !fits { // no type of Go's holds it
			r.edits = append(r.edits, edit{from, to, fmt.Sprintf("%s(%q)", function, known.Value.ExactString())})
			return
		}
	}
	r.edits = append(r.edits, edit{from, from, function + "("}, edit{to, to, ")"})
}

func isUntyped(t types.Type) bool {
	b, ok := t.(*types.Basic)
	return ok && b.Info()&types.IsUntyped != 0
}

// isPicture tells whether a value can be a picture, or several.
func isPicture(t types.Type) bool {
	if t == nil {
		return false // something is wrong with it
	}
	switch under := t.Underlying().(type) {
	case *types.Tuple:
		for v := range under.Variables() {
			if isPicture(v.Type()) {
				return true
			}
		}
	case *types.Slice:
		return isPicture(under.Elem())
	case *types.Array:
		return isPicture(under.Elem())
	}
	methods := types.NewMethodSet(t)
	return methods.Lookup(nil, "ColorModel") != nil && methods.Lookup(nil, "Bounds") != nil && methods.Lookup(nil, "At") != nil
}

// isCall tells whether Go takes an expression as a statement.
func isCall(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		called, ok := ast.Unparen(e.Fun).(*ast.Ident)
		return !ok || types.Universe.Lookup(called.Name) == nil
	case *ast.UnaryExpr:
		return e.Op == token.ARROW
	}
	return false
}

// shows returns what is to be called with an expression; empty: nothing.
func (r *reading) shows(e ast.Expr) string {
	known, ok := r.info.Types[e]
	if !ok || known.IsVoid() || known.IsType() || known.IsBuiltin() || known.Type == nil {
		return ""
	}
	results, several := known.Type.(*types.Tuple)
	if !several {
		if isError(known.Type) {
			return failFunction
		}
		if known.Type == types.Typ[types.Invalid] || r.counts(e, types.NewTuple(types.NewVar(0, nil, "", known.Type))) {
			return ""
		}
		return showFunction
	}
	switch {
	case results.Len() == 0 || r.counts(e, results):
		return ""
	case isError(results.At(results.Len() - 1).Type()):
		return showSafely
	}
	return showFunction
}

// counts tells whether a call says only how much it has written or copied, as fmt.Println does.
func (r *reading) counts(e ast.Expr, results *types.Tuple) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if b, ok := r.info.Uses[id].(*types.Builtin); ok && b.Name() == "copy" {
			return true
		}
	}
	if results.Len() != 2 || !isInteger(results.At(0).Type()) || !isError(results.At(1).Type()) {
		return false
	}
	if results.At(0).Name() == "n" {
		return true
	}
	method, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && strings.HasPrefix(method.Sel.Name, "Write") // as of strings.Builder
}

func isInteger(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsInteger != 0
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// errorsSet lists the variables of type error at the cell's top level that its statements set.
func (r *reading) errorsSet() (names []string) {
	seen := map[string]bool{}
	note := func(e ast.Expr) {
		id, ok := e.(*ast.Ident)
		if !ok || id.Name == "_" {
			return
		}
		obj := r.info.Defs[id]
		if obj == nil {
			obj = r.info.Uses[id]
		}
		if obj == nil || !isError(obj.Type()) {
			return
		}
		ident := ""
		if v := r.byObject[obj]; v != nil && !v.local {
			ident = v.ident
		} else if v == nil && obj.Pkg() == r.pkg && obj.Parent() == r.pkg.Scope() {
			ident = r.identFor(obj, true)
		}
		if ident != "" && !seen[ident] {
			seen[ident] = true
			names = append(names, ident)
		}
	}
	ast.Inspect(r.mainBody(), func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok {
			for _, l := range s.Lhs {
				note(l)
			}
		}
		return true
	})
	return names
}
