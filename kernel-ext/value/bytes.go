package value

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// mostBytes is how many bytes of a []byte are shown.
const mostBytes = 256

// bytesOf describes bytes: in hexadecimal, and as text where they are one.
func bytesOf(all []byte) *node {
	const hex = "0123456789abcdef"
	head := all[:min(len(all), mostBytes)]
	text := make([]byte, 0, 3*len(head)+2)
	text = append(text, '[')
	for i, b := range head {
		if i > 0 {
			text = append(text, ' ')
		}
		text = append(text, hex[b>>4], hex[b&15])
	}
	if left := len(all) - len(head); left > 0 {
		text = append(text, " … "+grouped(left)+" more"...)
	}
	text = append(text, ']')
	if isWritten(head, len(all) > len(head)) {
		text = append(text, ' ')
		text = strconv.AppendQuote(text, string(head[:whole(head)]))
		if len(all) > len(head) {
			text = append(text, "…"...)
		}
	}
	return &node{text: string(text)}
}

// isWritten tells whether bytes are text; of some that go on, the last rune may be cut.
func isWritten(b []byte, goesOn bool) bool {
	if goesOn {
		b = b[:whole(b)]
	}
	for _, r := range string(b) {
		if r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return false
		}
	}
	return len(b) > 0
}

// whole is the length of bytes without a rune at their end that is cut.
func whole(b []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if utf8.RuneStart(b[len(b)-back]) {
			if !utf8.FullRune(b[len(b)-back:]) {
				return len(b) - back
			}
			break
		}
	}
	return len(b)
}
