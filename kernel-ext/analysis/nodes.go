package analysis

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

// graphPackage has the nodes of graphs.
const graphPackage = "github.com/gomlx/gomlx/core/graph"

// nodes has the cell's functions say which node a name is, so that an error about shapes can say which names have them: a function that
// builds a graph is run once, and what it says costs nothing then.
func (r *reading) nodes() {
	for _, d := range r.file.Decls {
		r.nodesUnder(d, nil)
	}
}

// nodesUnder does so in a node that lies in a function; nil: in none.
func (r *reading) nodesUnder(n, function ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if function != n {
				r.nodesOf(n.Type, n.Body)
				r.nodesUnder(n, n)
				return false
			}
		case *ast.FuncLit:
			if function != n {
				r.nodesOf(n.Type, n.Body)
				r.nodesUnder(n, n)
				return false
			}
		case *ast.BlockStmt:
			r.nodesIn(n.List, function)
		case *ast.CaseClause:
			r.nodesIn(n.Body, function)
		}
		return true
	})
}

// nodesOf names the nodes that a function is given.
func (r *reading) nodesOf(t *ast.FuncType, body *ast.BlockStmt) {
	if body == nil {
		return
	}
	for _, f := range t.Params.List {
		for _, name := range f.Names {
			if obj := r.info.Defs[name]; obj != nil && name.Name != "_" && isNode(obj.Type()) {
				r.sayNode(body.Lbrace, " ", name.Name, ";")
			}
		}
	}
}

// nodesIn names the nodes that statements of a function make.
func (r *reading) nodesIn(list []ast.Stmt, function ast.Node) {
	for _, s := range list {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE && a.Tok != token.ASSIGN {
			continue
		}
		for _, l := range a.Lhs {
			id, ok := l.(*ast.Ident)
			if !ok || id.Name == "_" {
				continue
			}
			obj := r.info.Defs[id]
			if obj == nil {
				obj = r.info.Uses[id]
			}
			if v, ok := obj.(*types.Var); ok && function != nil && function.Pos() <= v.Pos() && v.Pos() < function.End() && r.byObject[v] == nil && isNode(v.Type()) {
				r.sayNode(a.End()-1, "; ", id.Name, "")
			}
		}
	}
}

// sayNode adds a call behind a byte.
func (r *reading) sayNode(at token.Pos, before, name, after string) {
	if offset, ok := r.at(at); ok {
		r.edits = append(r.edits, edit{offset + 1, offset + 1, fmt.Sprintf("%s%s(%q, %s)%s", before, nodeFunction, name, name, after)})
	}
}

// isNode tells whether a type is that of a graph's nodes.
func isNode(t types.Type) bool {
	p, ok := t.(*types.Pointer)
	if !ok {
		return false
	}
	named, ok := p.Elem().(*types.Named)
	return ok && named.Obj().Name() == "Node" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == graphPackage
}
