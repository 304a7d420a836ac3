package value

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Shower is what a type may implement to be shown as it wants to be. ShowValue returns content by MIME type, each a string
// or, of a picture, the bytes of its file. Where text/plain is missing, it is made of the value as that of others is. nil or
// no content leaves the value to its other methods.
type Shower interface {
	ShowValue() map[string]any
}

// own returns what a value's type says of it by its methods, and what went wrong.
func own(v any) (content map[string]any, troubles []string) {
	v = withMethods(v)
	if v == nil || isNil(v) {
		return nil, nil
	}
	name := nameOf(v)
	if v, is := v.(Shower); is {
		said, trouble := called("ShowValue() of "+name, v.ShowValue)
		if trouble != "" {
			troubles = append(troubles, trouble)
		}
		if len(said) > 0 {
			return said, troubles
		}
	}
	content = map[string]any{}
	note := func(mime, method string, call func() any) {
		said, trouble := called(method+"() of "+name, call)
		if trouble != "" {
			troubles = append(troubles, trouble)
		} else {
			content[mime] = said
		}
	}
	if v, is := v.(interface{ HTML() string }); is {
		note(mimeHTML, "HTML", func() any { return v.HTML() })
	}
	if v, is := v.(interface{ Markdown() string }); is {
		note(mimeMarkdown, "Markdown", func() any { return v.Markdown() })
	}
	if v, is := v.(interface{ Latex() string }); is {
		note(mimeLatex, "Latex", func() any { return v.Latex() })
	}
	if v, is := v.(interface{ SVG() string }); is {
		note(mimeSVG, "SVG", func() any { return v.SVG() })
	}
	if v, is := v.(interface{ PNG() []byte }); is {
		note(mimePNG, "PNG", func() any { return v.PNG() })
	}
	return content, troubles
}

// withMethods returns v, or a pointer to a copy of it where more methods are the pointer's.
func withMethods(v any) any {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface || t.Name() == "" {
		return v
	}
	if reflect.PointerTo(t).NumMethod() == t.NumMethod() {
		return v
	}
	p := reflect.New(t)
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

// isNil tells whether v is a nil pointer, on which methods are not called. An empty slice or map has something to say.
func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// words returns what Error or String says of a value, and which of them it was; "" where it has neither. trouble says that it
// panicked.
func words(v any) (said, method, trouble string) {
	if v = withMethods(v); v == nil || isNil(v) {
		return "", "", ""
	}
	switch v := v.(type) {
	case error:
		said, trouble = called("Error() of "+nameOf(v), v.Error)
		return said, "Error", trouble
	case interface{ String() string }:
		said, trouble = called("String() of "+nameOf(v), v.String)
		return said, "String", trouble
	}
	return "", "", ""
}

// called calls a function of the program's own. Where it panics, trouble says so in a line.
func called[T any](what string, f func() T) (result T, trouble string) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		trouble = what + " panicked"
		switch reason := reason.(type) {
		case error: // whose own method may panic as well
			func() {
				defer func() { _ = recover() }()
				trouble += ": " + firstLine(reason.Error())
			}()
		case string:
			trouble += ": " + firstLine(reason)
		}
	}()
	return f(), ""
}

// nameOf is the name of a value's type as a cell would write it.
func nameOf(v any) string {
	if v == nil {
		return "nil"
	}
	return typeName(reflect.TypeOf(v))
}

// typeName is the name of a type, without the package of cells.
func typeName(t reflect.Type) string {
	const own = "main."
	name := strings.ReplaceAll(t.String(), "interface {}", "any")
	for from := 0; ; {
		at := strings.Index(name[from:], own)
		if at < 0 {
			return name
		}
		from += at
		if before, _ := utf8.DecodeLastRuneInString(name[:from]); unicode.IsLetter(before) || unicode.IsDigit(before) || before == '_' {
			from += len(own) // of a package whose name ends so
			continue
		}
		name = name[:from] + name[from+len(own):]
	}
}

// firstLine is the first line of a text, of a length that fits beside others.
func firstLine(s string) string {
	s, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	if short := cut(s, 400); short != s || !more {
		return short
	}
	return s + " …"
}
