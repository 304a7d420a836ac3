package data

import (
	"slices"
	"strings"
)

// Vocabulary returns the words of texts, sorted, each once.
func Vocabulary(texts []string) []string {
	var words []string
	for _, text := range texts {
		words = append(words, strings.Fields(text)...)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// KnownWords returns the share of the words in texts that are in the sorted vocabulary, 0 to 1, a measure of how well a
// generator has learnt to spell; 0 where there are no words.
func KnownWords(texts, vocabulary []string) float64 {
	known, all := 0, 0
	for _, text := range texts {
		for _, word := range strings.Fields(text) {
			all++
			if _, ok := slices.BinarySearch(vocabulary, word); ok {
				known++
			}
		}
	}
	return float64(known) / float64(max(all, 1))
}
