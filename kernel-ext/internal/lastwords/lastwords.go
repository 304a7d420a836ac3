// Package lastwords keeps the end of what a process says: why it has failed stands there, most likely.
package lastwords

import "strings"

const kept = 4096

// Tail keeps the end of what is written to it, 4 KiB. The zero value is ready to use, by one goroutine at a time.
type Tail struct{ text []byte }

// Write implements io.Writer.
func (t *Tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[max(0, len(p)-kept):]...)
	t.text = t.text[max(0, len(t.text)-kept):]
	return len(p), nil
}

// Line returns the last line that is not empty, without space around it; empty: there is none.
func (t *Tail) Line() string { return Line(string(t.text)) }

// Line returns the last line of a text that is not empty, without space around it; empty: there is none.
func Line(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}
