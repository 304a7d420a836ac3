package history

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Query is the content of a history_request.
type Query struct {
	Output  bool   `json:"output"`
	Type    string `json:"hist_access_type"`
	Session int    `json:"session"` // for range: 0 is this kernel's, -1 the one before
	Start   int    `json:"start"`
	Stop    *int   `json:"stop"`
	N       int    `json:"n"`
	Pattern string `json:"pattern"`
	Unique  bool   `json:"unique"`
}

// Answer returns the content of the history_reply: the cells asked for as (session, line, input), or as
// (session, line, (input, output)) where output is asked for. Raw and translated input are the same here.
func (h *Cells) Answer(r Query) map[string]any {
	cells := h.read()
	switch r.Type {
	case "range":
		cells = h.rangeOf(cells, r)
	case "tail":
		cells = lastOf(cells, r.N)
	case "search":
		cells = search(cells, r)
	default:
		return map[string]any{"status": "error", "ename": "ValueError", "traceback": []string{},
			"evalue":  fmt.Sprintf("hist_access_type %q is not known; want range, tail or search", r.Type),
			"history": []any{}}
	}
	list := []any{}
	for _, c := range cells {
		if r.Output {
			list = append(list, []any{c.session, c.line, []any{c.input, c.output}})
		} else {
			list = append(list, []any{c.session, c.line, c.input})
		}
	}
	return map[string]any{"status": "ok", "history": list}
}

func (h *Cells) rangeOf(cells []remembered, r Query) []remembered {
	session := r.Session
	if session <= 0 {
		h.mu.Lock()
		current := h.session
		h.mu.Unlock()
		if current == 0 { // nothing ran here yet: the session to come
			for _, c := range cells {
				current = max(current, c.session)
			}
			current++
		}
		session += current
	}
	return slices.DeleteFunc(cells, func(c remembered) bool {
		return c.session != session || c.line < r.Start || r.Stop != nil && c.line >= *r.Stop
	})
}

// lastOf returns the last n cells, all of them if n is 0 or less.
func lastOf(cells []remembered, n int) []remembered {
	if n <= 0 {
		return cells
	}
	return cells[max(0, len(cells)-n):]
}

// search returns the cells whose whole code matches a pattern; of equal ones the last, if unique is asked for.
func search(cells []remembered, r Query) []remembered {
	var found []remembered
	seen := map[string]bool{}
	matches := compileGlob(r.Pattern)
	for _, c := range slices.Backward(cells) {
		if !matches(*c.input) || r.Unique && seen[*c.input] {
			continue
		}
		seen[*c.input] = true
		found = append(found, c)
	}
	slices.Reverse(found)
	return lastOf(found, r.N)
}

// compileGlob makes a function of a glob pattern, which tells whether a whole text is what it describes: * stands for
// any characters, ? for one, [a-z] for one of these and [^a-z] for any other. An empty pattern describes every text.
func compileGlob(pattern string) func(text string) bool {
	if pattern == "" {
		return func(string) bool { return true }
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		part := rest[:size]
		rest = rest[size:]
		switch r {
		case '*':
			part = ".*"
		case '?':
			part = "."
		case '[':
			set, after, ok := cutSet(rest)
			if ok {
				part, rest = set, after
				break
			}
			fallthrough
		default:
			part = regexp.QuoteMeta(part)
		}
		b.WriteString(part)
	}
	b.WriteString(`\z`)
	compiled, err := regexp.Compile(b.String())
	if err != nil {
		return func(text string) bool { return text == pattern } // such as [z-a]
	}
	return compiled.MatchString
}

// cutSet turns the rest of a glob's [set] into that of a regular expression.
func cutSet(rest string) (set, after string, ok bool) {
	negation := ""
	if strings.HasPrefix(rest, "^") || strings.HasPrefix(rest, "!") {
		negation, rest = "^", rest[1:]
	}
	if rest == "" {
		return "", "", false
	}
	end := strings.IndexByte(rest[1:], ']') + 1 // a ] in front is one of the set
	if end == 0 {
		return "", "", false
	}
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`).Replace(rest[:end])
	return "[" + negation + escaped + "]", rest[end+1:], true
}
