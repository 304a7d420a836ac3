package golang

import (
	"context"
	"go/ast"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Document returns what is known about the name at a place of a cell, in Markdown; empty: nothing is.
func (g *Gopls) Document(ctx context.Context, t *Text, at Place) string {
	for _, at := range t.inspectable(at) {
		var found struct{ Contents struct{ Value string } }
		if g.ask(ctx, t, at, "textDocument/hover", &found); found.Contents.Value != "" {
			return found.Contents.Value
		}
	}
	return ""
}

// inspectable returns the places to ask about for a cursor: the name it touches, else the function whose call it is in.
func (t *Text) inspectable(at Place) []Place {
	var places []Place
	line := t.Lines[at.Line]
	after, _ := utf8.DecodeRuneInString(line[at.Column:])
	before, width := utf8.DecodeLastRuneInString(line[:at.Column])
	switch {
	case inName(after):
		places = append(places, at)
	case inName(before):
		places = append(places, Place{at.Line, at.Column - width})
	}
	var called ast.Expr
	ast.Inspect(t.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !at.before(t.position(call.Lparen)) &&
			(!call.Rparen.IsValid() || !t.position(call.Rparen).before(at)) {
			called = call.Fun // the innermost comes last
		}
		return true
	})
	if called != nil {
		name := t.position(called.End() - 1)
		if name.Line >= 0 && name.Line < len(t.Lines) && name.Column <= len(t.Lines[name.Line]) { // not in what was put around the cell
			places = append(places, name)
		}
	}
	return places
}

func (at Place) before(other Place) bool {
	return at.Line < other.Line || at.Line == other.Line && at.Column < other.Column
}

func inName(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// Plain strips the marks of a Markdown text's code blocks and links.
func Plain(markdown string) string {
	lines := slices.DeleteFunc(strings.Split(markdown, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "```") || line == "---"
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
