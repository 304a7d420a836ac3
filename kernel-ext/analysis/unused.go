package analysis

import (
	"go/ast"
	"go/token"
	"go/types"
)

// unused has the cell use the variables inside its blocks that it declares and does not use, which Go would refuse.
func (r *reading) unused() {
	used := map[types.Object]bool{}
	written := map[*ast.Ident]bool{} // identifiers that are only set
	ast.Inspect(r.file, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok && s.Tok == token.ASSIGN {
			for _, l := range s.Lhs {
				if id, ok := ast.Unparen(l).(*ast.Ident); ok {
					written[id] = true
				}
			}
		}
		return true
	})
	for id, obj := range r.info.Uses {
		if !written[id] {
			used[obj] = true
		}
	}
	loose := func(id *ast.Ident) bool {
		obj, ok := r.info.Defs[id].(*types.Var)
		if !ok || id.Name == "_" || obj.IsField() || used[obj] || obj.Parent() == nil || obj.Parent() == r.pkg.Scope() {
			return false
		}
		v := r.byObject[obj]
		return v == nil || v.local
	}
	for _, d := range r.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			r.useIn(f.Body, loose)
		} else {
			ast.Inspect(d, func(n ast.Node) bool {
				if f, ok := n.(*ast.FuncLit); ok {
					r.useIn(f.Body, loose)
					return false
				}
				return true
			})
		}
	}
}

// useIn uses what loose names in a block.
func (r *reading) useIn(body ast.Node, loose func(*ast.Ident) bool) {
	use := func(at token.Pos, id *ast.Ident) {
		if offset, ok := r.at(at); ok {
			r.edits = append(r.edits, edit{offset + 1, offset + 1, "; _ = " + id.Name + ";"})
		}
	}
	inHeader := map[ast.Stmt]token.Pos{} // where the block begins for which a statement declares
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			inHeader[n.Init] = n.Body.Lbrace
		case *ast.ForStmt:
			inHeader[n.Init] = n.Body.Lbrace
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if id, ok := e.(*ast.Ident); ok && loose(id) {
						use(n.Body.Lbrace, id)
					}
				}
			}
		case *ast.SwitchStmt:
			if n.Init != nil {
				inHeader[n.Init] = r.firstClause(n.Body)
			}
		case *ast.TypeSwitchStmt:
			if n.Init != nil {
				inHeader[n.Init] = r.firstClause(n.Body)
			}
			r.useGuard(n)
		case *ast.CommClause:
			if n.Comm != nil {
				inHeader[n.Comm] = n.Colon
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok && loose(id) {
						use(behind(inHeader, n), id)
					}
				}
			}
		case *ast.DeclStmt:
			if g, ok := n.Decl.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					for _, id := range s.(*ast.ValueSpec).Names {
						if loose(id) {
							use(g.End()-1, id)
						}
					}
				}
			}
		}
		return true
	})
}

// behind is the byte behind which what a statement declares can be used.
func behind(inHeader map[ast.Stmt]token.Pos, s ast.Stmt) token.Pos {
	if at, ok := inHeader[s]; ok && at.IsValid() {
		return at
	}
	return s.End() - 1
}

// firstClause is the colon of the first clause of a switch.
func (r *reading) firstClause(body *ast.BlockStmt) token.Pos {
	for _, s := range body.List {
		if c, ok := s.(*ast.CaseClause); ok {
			return c.Colon
		}
	}
	return token.NoPos
}

// useGuard uses x of switch x := y.(type) where no clause does.
func (r *reading) useGuard(s *ast.TypeSwitchStmt) {
	guard, ok := s.Assign.(*ast.AssignStmt)
	if !ok || len(guard.Lhs) != 1 {
		return
	}
	id, ok := guard.Lhs[0].(*ast.Ident)
	if !ok || id.Name == "_" {
		return
	}
	objects := map[types.Object]bool{}
	for _, c := range s.Body.List {
		if obj := r.info.Implicits[c]; obj != nil {
			objects[obj] = true
		}
	}
	for _, obj := range r.info.Uses {
		if objects[obj] {
			return
		}
	}
	if at := r.firstClause(s.Body); at.IsValid() {
		if offset, ok := r.at(at); ok {
			r.edits = append(r.edits, edit{offset + 1, offset + 1, " _ = " + id.Name + ";"})
		}
	}
}
