package golang

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"
)

// Completion is one way to go on.
type Completion struct {
	Text   string
	Kind   string // as JupyterLab names it; empty: it is a command
	Detail string

	from, to int // the bytes of the line that it replaces
}

// Complete returns the ways to go on at a cursor, best first, and what they replace, in code points like the cursor.
func (g *Gopls) Complete(ctx context.Context, code string, cursor int) (ways []Completion, start, end int) {
	t := Read(code)
	at := t.At(cursor)
	line := t.Lines[at.Line]
	if prefix := strings.TrimPrefix(line[:at.Column], CommentPrefix); strings.HasPrefix(prefix, "%") || t.Magic != "" {
		for _, name := range commands() {
			if strings.HasPrefix(name, prefix) && (t.Magic == "" || at.Line == 0) {
				ways = append(ways, Completion{Text: name})
			}
		}
		return ways, cursor - utf8.RuneCountInString(prefix), cursor
	}
	if ways = g.completions(ctx, t, at); len(ways) == 0 {
		return nil, cursor, cursor
	}
	from, to := ways[0].from, ways[0].to
	ways = slices.DeleteFunc(ways, func(c Completion) bool { return c.from != from || c.to != to }) // Jupyter replaces the same text with each
	start = cursor - utf8.RuneCountInString(line[from:at.Column])
	end = cursor + utf8.RuneCountInString(line[at.Column:max(at.Column, to)])
	return ways, start, end
}

// completions asks gopls; none if it has no answer.
func (g *Gopls) completions(ctx context.Context, t *Text, at Place) []Completion {
	if !t.IsGo(at) {
		return nil
	}
	var found struct {
		Items []struct {
			Label    string   `json:"label"`
			Kind     int      `json:"kind"`
			Detail   string   `json:"detail"`
			TextEdit *lspEdit `json:"textEdit"`
		} `json:"items"`
	}
	g.ask(ctx, t, at, "textDocument/completion", &found)
	line := t.goLine(at.Line)
	column := func(p lspPosition) int { return t.inCell(Place{p.Line, byteColumn(line, p.Character)}).Column }
	var list []Completion
	for _, i := range found.Items {
		if e := i.TextEdit; e != nil && e.Range.Start.Line == at.Line+1 && e.Range.End.Line == at.Line+1 {
			list = append(list, Completion{
				Text: e.NewText, Kind: completionKind(i.Kind), Detail: i.Detail,
				from: column(e.Range.Start), to: column(e.Range.End),
			})
		}
	}
	return slices.DeleteFunc(list, func(c Completion) bool { return c.from > at.Column || isOurs(c.Text) })
}

// isOurs tells whether a name is one that the kernel has given, which a person need not see.
func isOurs(name string) bool {
	rest, ok := strings.CutPrefix(name, "gantry")
	return ok && rest != "" && (rest[0] == '_' || rest[0] >= 'A' && rest[0] <= 'Z')
}

// completionKind names a kind of LSP as JupyterLab does.
func completionKind(kind int) string {
	named := map[int]string{
		2: "method", 3: "function", 5: "property", 7: "class", 8: "interface", 9: "module", 10: "property", 14: "keyword", 21: "constant",
		22: "class", 25: "class",
	}
	return cmp.Or(named[kind], "variable")
}
