package data

import (
	"fmt"
	"html"
)

// ShowValue shows the set in a notebook: its size, shape, range and classes, and some samples. The set is loaded for that.
func (s Set) ShowValue() map[string]any {
	if s.Load == nil {
		return lineOf("no data set")
	}
	images, err := s.Load()
	if err != nil {
		return lineOf(fmt.Sprintf("data set %s cannot be loaded: %v", s.Name, err))
	}
	return images.ShowAs("data set " + s.Name)
}

// lineOf is a line of text.
func lineOf(text string) map[string]any {
	return map[string]any{"text/plain": text, "text/html": "<div>" + html.EscapeString(text) + "</div>"}
}
