package kernel

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"gantry.local/kernel-ext/jupyter"
)

// answers replies to what a front-end asks about code and history, at once or, where the language server must be
// asked, as soon as it has answered; neither waits for a cell that runs. It returns false for any other request.
func (p *proxy) answers(channel string, m *jupyter.Message, msgType string) bool {
	var r struct {
		Code   string `json:"code"`
		Cursor *int   `json:"cursor_pos"`
		historyRequest
	}
	read := func() {
		if err := json.Unmarshal(m.Content, &r); err != nil {
			p.log.Printf("%s: %v", msgType, err) // answered as far as it could be read
		}
		if r.Cursor == nil {
			end := utf8.RuneCountInString(r.Code)
			r.Cursor = &end
		}
	}
	switch msgType {
	case "is_complete_request":
		read()
		p.answer(channel, m, "is_complete_reply", func() any {
			status, indent := isComplete(r.Code)
			content := map[string]any{"status": status}
			if status == "incomplete" {
				content["indent"] = indent
			}
			return content
		})
	case "history_request":
		read()
		p.answer(channel, m, "history_reply", func() any { return p.history.answer(r.historyRequest) })
	case "complete_request":
		read()
		go p.answer(channel, m, "complete_reply", func() any { return p.complete(r.Code, *r.Cursor) })
	case "inspect_request":
		read()
		go p.answer(channel, m, "inspect_reply", func() any {
			data := p.inspect(r.Code, *r.Cursor)
			return map[string]any{"status": "ok", "found": len(data) > 0, "data": data, "metadata": map[string]any{}}
		})
	default:
		return false
	}
	return true
}

// place is a position in a cell: a line and bytes into it, both from 0.
type place struct{ line, column int }

// placeAt is a position that the parser found in a text of lines, which it counts from 1.
func placeAt(p token.Position) place { return place{p.Line - 1, p.Column - 1} }

func (at place) less(other place) bool {
	return at.line < other.line || at.line == other.line && at.column < other.column
}

// placeOf finds a cursor, which Jupyter counts in Unicode code points.
func placeOf(code string, cursor int) place {
	at := place{}
	for ; cursor > 0 && code != ""; cursor-- {
		r, size := utf8.DecodeRuneInString(code)
		code = code[size:]
		at.column += size
		if r == '\n' {
			at = place{line: at.line + 1}
		}
	}
	return at
}

// utf16Column converts bytes into a line to what language servers count.
func utf16Column(line string, column int) int {
	return len(utf16.Encode([]rune(line[:min(column, len(line))])))
}

// byteColumn is the inverse of utf16Column.
func byteColumn(line string, units int) int {
	for i, r := range line {
		if units <= 0 {
			return i
		}
		units -= max(1, utf16.RuneLen(r))
	}
	return len(line)
}

// complete returns the content of a complete_reply.
func (p *proxy) complete(code string, cursor int) map[string]any {
	matches, kinds := []string{}, []map[string]any{}
	start, end := cursor, cursor
	t, at := readCell(code), placeOf(code, cursor)
	line := t.lines[at.line][:at.column]
	if prefix := strings.TrimPrefix(line, commentPrefix); strings.HasPrefix(prefix, "%") || t.magic != "" {
		for _, name := range slices.Concat(ownMagics(), gonbMagics()) {
			if strings.HasPrefix(name, prefix) && (t.magic == "" || at.line == 0) {
				matches = append(matches, name)
			}
		}
		start = cursor - utf8.RuneCountInString(prefix)
	} else if !t.special[at.line] {
		found := p.language.complete(p, t, at)
		for _, c := range found {
			if c.from != found[0].from || c.to != found[0].to {
				continue // Jupyter replaces the same text with each
			}
			matches = append(matches, c.text)
			kinds = append(kinds, map[string]any{"text": c.text, "type": c.kind, "signature": c.detail})
		}
		if len(found) > 0 {
			whole := t.lines[at.line]
			start = cursor - utf8.RuneCountInString(whole[found[0].from:at.column])
			end = cursor + utf8.RuneCountInString(whole[at.column:max(at.column, found[0].to)])
		}
	}
	for _, k := range kinds {
		k["start"], k["end"] = start, end
	}
	return map[string]any{
		"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end,
		"metadata": map[string]any{"_jupyter_types_experimental": kinds},
	}
}

// inspect returns what is known about the name at a cursor, as a MIME bundle; it is empty if nothing is.
func (p *proxy) inspect(code string, cursor int) map[string]any {
	t, at := readCell(code), placeOf(code, cursor)
	if t.magic != "" || t.special[at.line] {
		return map[string]any{"text/plain": magicHelp + p.engine.Ready.Help, "text/markdown": magicHelp + p.engine.Ready.Help}
	}
	for _, at := range inspectable(t, at) {
		if text := p.language.hover(p, t, at); text != "" {
			return map[string]any{"text/plain": plain(text), "text/markdown": text}
		}
	}
	return map[string]any{}
}

// inspectable returns the places to ask about for a cursor: the name it touches, else the function whose call it is in.
func inspectable(t cellText, at place) []place {
	var places []place
	line := t.lines[at.line]
	after, _ := utf8.DecodeRuneInString(line[at.column:])
	before, width := utf8.DecodeLastRuneInString(line[:at.column])
	switch {
	case inName(after):
		places = append(places, at)
	case inName(before):
		places = append(places, place{at.line, at.column - width})
	}
	source := t.program("package main")
	files := token.NewFileSet()
	file, _ := parser.ParseFile(files, "", source, parser.SkipObjectResolution) // as far as it parses
	if file == nil {
		return places
	}
	var called ast.Expr
	asked := t.inProgram(at)
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !asked.less(placeAt(files.Position(call.Lparen))) &&
			(!call.Rparen.IsValid() || !placeAt(files.Position(call.Rparen)).less(asked)) {
			called = call.Fun // the innermost comes last
		}
		return true
	})
	if called != nil {
		name := t.inCell(placeAt(files.Position(called.End() - 1)))
		if name.line >= 0 && name.line < len(t.lines) && name.column <= len(t.lines[name.line]) { // not in what was put around the cell
			places = append(places, name)
		}
	}
	return places
}

func inName(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// plain strips the marks of a Markdown text's code blocks and links.
func plain(markdown string) string {
	lines := slices.DeleteFunc(strings.Split(markdown, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "```") || line == "---"
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
