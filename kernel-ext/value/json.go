package value

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// JSON is the bundle as Jupyter's messages have it, the types in order: text as strings, in which U+FFFD stands for what is
// no UTF-8, and everything binary in base64.
func (b Bundle) JSON() []byte {
	types := make([]string, 0, len(b))
	for mime := range b {
		types = append(types, mime)
	}
	slices.Sort(types)
	out := []byte{'{'}
	for i, mime := range types {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, mime), ':')
		if isText(mime) {
			out = appendString(out, string(b[mime]))
			continue
		}
		out = append(out, '"')
		out = base64.StdEncoding.AppendEncode(out, b[mime])
		out = append(out, '"')
	}
	return append(out, '}')
}

// isText tells whether content of a type is text. Jupyter's front-ends take that of every other type in base64.
func isText(mime string) bool {
	return strings.HasPrefix(mime, "text/") || strings.HasSuffix(mime, "xml") || strings.HasSuffix(mime, "json") ||
		mime == "application/javascript"
}

// appendString appends a JSON string.
func appendString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				out = append(out, '\\', c)
			case c == '\n':
				out = append(out, '\\', 'n')
			case c < ' ' || c == 0x7f:
				out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				out = append(out, c)
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		out = utf8.AppendRune(out, r) // U+FFFD for what is no UTF-8
	}
	return append(out, '"')
}
