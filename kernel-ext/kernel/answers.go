package kernel

import (
	"context"
	"encoding/json"
	"unicode/utf8"

	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/history"
	"gantry.local/kernel-ext/jupyter"
)

// answers replies to what a front-end asks about code and history, at once or, where the language server must be
// asked, as soon as it has answered; neither waits for a cell that runs. It returns false for any other request.
func (p *proxy) answers(channel string, m *jupyter.Message, h jupyter.Header) bool {
	var r struct {
		Code   string `json:"code"`
		Cursor *int   `json:"cursor_pos"`
		history.Query
	}
	read := func() {
		if err := json.Unmarshal(m.Content, &r); err != nil {
			p.log.Printf("%s: %v", h.MsgType, err) // answered as far as it could be read
		}
		if r.Cursor == nil {
			end := utf8.RuneCountInString(r.Code)
			r.Cursor = &end
		}
	}
	switch h.MsgType {
	case "is_complete_request":
		read()
		p.answer(channel, m, "is_complete_reply", func() any {
			status, indent := golang.Completeness(r.Code)
			content := map[string]any{"status": status}
			if status == "incomplete" {
				content["indent"] = indent
			}
			return content
		})
	case "history_request":
		read()
		p.answer(channel, m, "history_reply", func() any { return p.history.Answer(r.Query) })
	case "complete_request":
		read()
		ctx, done := p.latest.begin(h.Session + h.MsgType)
		go p.answer(channel, m, "complete_reply", func() any {
			defer done()
			return p.complete(ctx, r.Code, *r.Cursor)
		})
	case "inspect_request":
		read()
		ctx, done := p.latest.begin(h.Session + h.MsgType)
		go p.answer(channel, m, "inspect_reply", func() any {
			defer done()
			data := p.inspect(ctx, r.Code, *r.Cursor)
			return map[string]any{"status": "ok", "found": len(data) > 0, "data": data, "metadata": map[string]any{}}
		})
	default:
		return false
	}
	return true
}

// complete returns the content of a complete_reply.
func (p *proxy) complete(ctx context.Context, code string, cursor int) map[string]any {
	matches, kinds := []string{}, []map[string]any{}
	ways, start, end := p.gopls.Complete(ctx, code, cursor)
	for _, w := range ways {
		matches = append(matches, w.Text)
		if w.Kind != "" {
			kinds = append(kinds, map[string]any{"text": w.Text, "type": w.Kind, "signature": w.Detail, "start": start, "end": end})
		}
	}
	return map[string]any{
		"status": "ok", "matches": matches, "cursor_start": start, "cursor_end": end,
		"metadata": map[string]any{"_jupyter_types_experimental": kinds},
	}
}

// inspect returns what is known about the name at a cursor, as a MIME bundle; it is empty if nothing is.
func (p *proxy) inspect(ctx context.Context, code string, cursor int) map[string]any {
	t := golang.Read(code)
	at := t.At(cursor)
	if !t.IsGo(at) {
		return map[string]any{"text/plain": p.helpPage(), "text/markdown": p.helpPage()}
	}
	if text := p.gopls.Document(ctx, t, at); text != "" {
		return map[string]any{"text/plain": golang.Plain(text), "text/markdown": text}
	}
	return map[string]any{}
}
