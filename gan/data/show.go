package data

import (
	"fmt"
	"html"
)

// ShowValue shows the set in a notebook: its size, shape, range and classes, and some samples. The set is loaded for that; of a
// stream, some samples are.
func (s Set) ShowValue() map[string]any {
	if s.Load == nil {
		return lineOf("no data set")
	}
	const looked = 400
	images, err := s.Some(looked)
	if err != nil {
		return lineOf(fmt.Sprintf("data set %s cannot be loaded: %v", s.Name, err))
	}
	title := "data set " + s.Name
	if head, err := s.Head(); err == nil && head.N > images.N {
		title += fmt.Sprintf(", a stream of %d: some of them", head.N)
	}
	return images.ShowAs(title)
}

// lineOf is a line of text.
func lineOf(text string) map[string]any {
	return map[string]any{"text/plain": text, "text/html": "<div>" + html.EscapeString(text) + "</div>"}
}
