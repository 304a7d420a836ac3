package data

import (
	"regexp"
	"strconv"
	"strings"
)

// derived finds a set that is made of another by the name that it gives itself: "mnist subset 6000 seed 1", "mnist classes 3,5", "thick mnist". It is
// false for a name of another form.
func derived(name string) (set Set, is bool, err error) {
	for _, form := range forms() {
		found := form.name.FindStringSubmatch(name)
		if found == nil {
			continue
		}
		of, err := Named(found[1])
		if err != nil {
			return Set{}, true, err
		}
		if set, is := form.make(of, found[2:]); is && set.Name == name {
			return set, true, nil
		}
	}
	return Set{}, false, nil
}

// form is how the names of sets of one kind begin or end.
type form struct {
	name *regexp.Regexp
	make func(of Set, words []string) (Set, bool)
}

const seedForm = ` seed (-?\d+)$`

func forms() []form {
	seeded := func(of Set, words []string, make func(of Set, n int, seed int64) Set) (Set, bool) {
		n, errN := strconv.Atoi(words[0])
		seed, errSeed := strconv.ParseInt(words[1], 10, 64)
		return make(of, n, seed), errN == nil && errSeed == nil
	}
	return []form{
		{regexp.MustCompile(`^thick (.+)$`), func(of Set, _ []string) (Set, bool) { return Thick(of), true }},
		{regexp.MustCompile(`^(.+) subset (\d+)` + seedForm), func(of Set, words []string) (Set, bool) { return seeded(of, words, Subset) }},
		{regexp.MustCompile(`^(.+) balanced (\d+)` + seedForm), func(of Set, words []string) (Set, bool) { return seeded(of, words, Balanced) }},
		{regexp.MustCompile(`^(.+) classes ([\d,]+)$`), func(of Set, words []string) (Set, bool) {
			classes, is := numbers(words[0], strconv.Atoi)
			return OfClasses(of, classes...), is
		}},
		{regexp.MustCompile(`^(.+) imbalanced ([\d.,e-]+)` + seedForm), func(of Set, words []string) (Set, bool) {
			shares, is := numbers(words[0], func(text string) (float64, error) { return strconv.ParseFloat(text, 64) })
			seed, err := strconv.ParseInt(words[1], 10, 64)
			return Imbalanced(of, shares, seed), is && err == nil
		}},
		{regexp.MustCompile(`^(.+) split ([\d.e-]+) seed (-?\d+) (train|test)$`), func(of Set, words []string) (Set, bool) {
			share, errShare := strconv.ParseFloat(words[0], 64)
			seed, errSeed := strconv.ParseInt(words[1], 10, 64)
			train, test := Split(of, share, seed)
			if words[2] == "test" {
				train = test
			}
			return train, errShare == nil && errSeed == nil
		}},
	}
}

func numbers[N any](text string, parse func(string) (N, error)) (all []N, are bool) {
	for each := range strings.SplitSeq(text, ",") {
		n, err := parse(each)
		if err != nil {
			return nil, false
		}
		all = append(all, n)
	}
	return all, true
}
