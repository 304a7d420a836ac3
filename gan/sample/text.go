package sample

import (
	"slices"
	"strings"
)

// Texts returns the samples of a set with an Alphabet as strings, without the spaces at their ends.
func (im Images) Texts() []string {
	texts := make([]string, 0, im.N)
	for indices := range slices.Chunk(im.Pixels, im.Height*im.Width) {
		var text strings.Builder
		for _, index := range indices {
			text.WriteRune(im.Alphabet[index])
		}
		texts = append(texts, strings.TrimRight(text.String(), " "))
	}
	return texts
}
