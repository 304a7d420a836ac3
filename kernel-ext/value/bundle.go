package value

import (
	"encoding/base64"
	"reflect"
	"strings"
)

// MIME types that bundles have. What is none of text is binary.
const (
	mimeText     = "text/plain"
	mimeHTML     = "text/html"
	mimeMarkdown = "text/markdown"
	mimeLatex    = "text/latex"
	mimeSVG      = "image/svg+xml"
	mimePNG      = "image/png"
)

const (
	mostText    = 1 << 20  // bytes of text/plain; what is longer is cut
	mostContent = 64 << 20 // bytes of any other form; what is longer is left out, and the text says so
)

// Bundle is content by MIME type. Text is UTF-8 as far as the program's own strings are, pictures are their files' bytes.
type Bundle map[string][]byte

// Bundle makes the bundle of values. Several are text one below the other, and HTML stacked, where one of them is more than
// text. No values make an empty bundle.
func (o Options) Bundle(values ...any) Bundle {
	bundles := make([]Bundle, len(values))
	for i, v := range values {
		bundles[i] = o.one(v)
	}
	switch len(bundles) {
	case 0:
		return Bundle{}
	case 1:
		return bundles[0]
	}
	return stacked(bundles)
}

// BundleOf is Options.Bundle with the zero options.
func BundleOf(values ...any) Bundle { return Options{}.Bundle(values...) }

// one makes the bundle of one value.
func (o Options) one(v any) Bundle {
	b, remarks := Bundle{}, []string(nil)
	fill := func(content map[string]any) {
		for mime, c := range content {
			switch c := c.(type) {
			case string:
				b[mime] = []byte(c)
			case []byte:
				b[mime] = c
			default:
				remarks = append(remarks, mime+" is neither string nor []byte and was left out")
			}
		}
	}
	for _, form := range o.Forms {
		said, trouble := called("the form of "+nameOf(v), func() map[string]any { return form(v) })
		if trouble != "" {
			remarks = append(remarks, trouble)
		}
		if said != nil {
			fill(said)
			break
		}
	}
	if len(b) == 0 {
		said, troubles := own(v)
		remarks = append(remarks, troubles...)
		fill(said)
	}
	for mime, content := range b {
		if mime != mimeText && len(content) > mostContent {
			delete(b, mime)
			remarks = append(remarks, mime+" has "+grouped(len(content))+" bytes and was left out: at most "+grouped(mostContent)+" are shown")
		}
	}
	if _, hasText := b[mimeText]; !hasText {
		content, trouble := called("looking at a "+nameOf(v), func() Bundle { return described(v, len(b) == 0, &remarks) })
		if trouble != "" { // a cell is not to fail because of what it shows
			content = Bundle{mimeText: []byte(nameOf(v))}
			remarks = append(remarks, trouble)
		}
		for mime, c := range content {
			b[mime] = c
		}
	}
	for _, remark := range remarks {
		b[mimeText] = append(append(b[mimeText], "\n("...), remark+")"...)
		if html, is := b[mimeHTML]; is {
			b[mimeHTML] = append(html, remarkHTML(remark)...)
		}
	}
	b[mimeText] = []byte(cut(string(b[mimeText]), mostText))
	return b
}

// described is the bundle of a value by its tree: text, and HTML where that is wanted and has more form than text.
func described(v any, withHTML bool, remarks *[]string) Bundle {
	tree, remark := describe(v)
	if remark != "" {
		*remarks = append(*remarks, remark)
	}
	b := Bundle{mimeText: []byte(tree.shown())}
	if withHTML && tree.structured() {
		b[mimeHTML] = []byte(tree.html())
	}
	return b
}

// stacked joins the bundles of several values.
func stacked(bundles []Bundle) Bundle {
	var text, html []string
	rich := false
	for _, b := range bundles {
		text = append(text, string(b[mimeText]))
		rich = rich || len(b) > 1
		html = append(html, b.asHTML())
	}
	joined := Bundle{mimeText: []byte(cut(strings.Join(text, "\n"), mostText))}
	if rich {
		joined[mimeHTML] = []byte(strings.Join(html, "\n"))
	}
	return joined
}

// asHTML is the richest form of a bundle that can stand within HTML.
func (b Bundle) asHTML() string {
	switch {
	case b[mimeHTML] != nil:
		return "<div>" + string(b[mimeHTML]) + "</div>"
	case b[mimeSVG] != nil:
		return "<div>" + string(b[mimeSVG]) + "</div>"
	case b[mimePNG] != nil:
		return `<div><img alt="" src="data:image/png;base64,` + base64.StdEncoding.EncodeToString(b[mimePNG]) + `"/></div>`
	}
	return "<pre>" + escape(string(b[mimeText])) + "</pre>"
}

// mostTableRows are the rows of TableOf that are all shown.
const mostTableRows = 300

// TableOf is the bundle of a slice or map of structs that is a table in text too, however short, and is not cut before it has
// 300 rows.
func TableOf(rows any) Bundle {
	w := newWalker()
	w.rows = mostTableRows
	t, is := w.value(reflect.ValueOf(rows), true, 0).table()
	if !is {
		return BundleOf(rows)
	}
	var html strings.Builder
	t.writeHTML(&html)
	return Bundle{mimeText: []byte(strings.Join(t.lines(), "\n")), mimeHTML: []byte(html.String())}
}

// Note is what there is to say of all the numbers in a slice: "784 numbers in 0 … 1, mean 0.13"; of other elements it is
// how many there are. "" for what is no slice or array.
func Note(slice any) string {
	r := reflect.ValueOf(slice)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		return ""
	}
	return newWalker().noteOf(r)
}
