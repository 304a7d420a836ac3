package data

import (
	"strings"

	"gantry.local/gan/sample"
)

// Phrases is a small set of simple English phrases, "the cat sat" or "we saw a red fox", each of at most 16 characters
// and padded with spaces to 16: Pixels of 16×1×1 that index the Alphabet, small letters and the space. There are few words
// and every phrase is one of a short grammar, so a character GAN can learn to spell them within minutes on a CPU, and
// KnownWords tells how well it does.
func Phrases() Set { return of("phrases", phrases{}) }

type phrases struct{}

func (p phrases) make(string) (*sample.Images, error) {
	return ReadText(strings.NewReader(strings.Join(p.list(), "\n")), TextOptions{})
}

// list returns every phrase of the grammar that fits.
func (phrases) list() []string {
	const length = 16
	var (
		articles   = []string{"the", "a", "my"}
		adjectives = []string{"", "old", "red", "big", "shy", "wet"}
		nouns      = []string{"cat", "dog", "cow", "hen", "fox", "pig", "bee", "bird", "frog", "goat", "duck", "mouse"}
		verbs      = []string{"sat", "ran", "hid", "ate", "sang", "slept", "swam"}
		people     = []string{"i", "we", "you", "they"}
		saw        = []string{"saw", "fed", "met", "like"}
		list       []string
	)
	add := func(words ...string) {
		if phrase := strings.Join(strings.Fields(strings.Join(words, " ")), " "); len(phrase) <= length {
			list = append(list, phrase)
		}
	}
	for _, article := range articles {
		for _, adjective := range adjectives {
			for _, noun := range nouns {
				for _, verb := range verbs {
					add(article, adjective, noun, verb)
				}
				for _, person := range people {
					for _, verb := range saw {
						add(person, verb, article, adjective, noun)
					}
				}
			}
		}
	}
	return list
}
