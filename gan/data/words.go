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

// KnownTexts returns the share of texts that have words and none that is not in the sorted vocabulary, 0 to 1; 0 where there are
// no texts. One misspelt word among four makes a text useless, so it tells more than KnownWords once most words are known.
func KnownTexts(texts, vocabulary []string) float64 {
	known := 0
	for _, text := range texts {
		if KnownWords([]string{text}, vocabulary) == 1 {
			known++
		}
	}
	return float64(known) / float64(max(len(texts), 1))
}
