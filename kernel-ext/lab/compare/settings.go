package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gantry.local/gan/lint"
)

// Setting is something in which the runs differ, with its value in each of them, in their order.
type Setting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

const none = "none" // of a part that a run does not have

// differing are the settings in which runs differ: the recipe, every part of what each of them computes, and what was set while it trained.
func differing(sides []Side) (all []Setting) {
	add := func(name string, of func(Side) string) {
		values := make([]string, len(sides))
		for i, s := range sides {
			values[i] = of(s)
		}
		if slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
			all = append(all, Setting{name, values})
		}
	}
	add("recipe", func(s Side) string { return cmp.Or(s.Info.Recipe, none) })
	for _, name := range partNames(sides) {
		if values, differ := partValues(sides, name); differ {
			all = append(all, Setting{name, values})
		}
	}
	for _, name := range setNames(sides) {
		add(name+", now", func(s Side) string {
			if v, is := s.Status.Settings[name]; is {
				return fmt.Sprintf("%.4g", v)
			}
			return none
		})
	}
	add("loss, now", func(s Side) string { return s.Info.Loss })
	add("forked from", func(s Side) string { return s.Info.From })
	return all
}

// partNames are the names of all parts, in the order of the first run that has them.
func partNames(sides []Side) (names []string) {
	for _, s := range sides {
		for _, part := range s.Info.Definition.Parts {
			if !slices.Contains(names, part.Name) {
				names = append(names, part.Name)
			}
		}
	}
	return names
}

// partValues are what a part is in each run, cut to where they differ.
func partValues(sides []Side, name string) (values []string, differ bool) {
	parts := make([]lint.Part, len(sides))
	words := make([][]string, len(sides))
	separator := " "
	for i, s := range sides {
		at := slices.IndexFunc(s.Info.Definition.Parts, func(p lint.Part) bool { return p.Name == name })
		if at < 0 {
			words[i] = []string{none}
			continue
		}
		parts[i] = s.Info.Definition.Parts[at]
		parts[i].Summary = strings.ReplaceAll(parts[i].Summary, "<nil>", none)
		switch {
		case name == "data":
			words[i] = []string{parts[i].Summary}
		case parts[i].Steps != nil && !ofLogits(name):
			words[i], separator = parts[i].Steps, ", "
		default:
			words[i] = strings.Fields(parts[i].Summary)
		}
	}
	same := func(of func(lint.Part) string) bool {
		return !slices.ContainsFunc(parts, func(p lint.Part) bool { return of(p) != of(parts[0]) })
	}
	lookedAt := !slices.ContainsFunc(parts, func(p lint.Part) bool { return p.Hash == "" })
	if name != "data" && name != "pack" { // traced on as many samples as a critic judges at once
		_, differ := partValues(sides, "pack")
		lookedAt = lookedAt && !differ
	}
	switch {
	case !same(func(p lint.Part) string { return p.Summary }):
	case !lookedAt || same(func(p lint.Part) string { return p.Hash }):
		return nil, false
	default: // the same in words
		for i, p := range parts {
			first := slices.IndexFunc(parts, func(q lint.Part) bool { return q.Hash == p.Hash })
			words[i] = []string{fmt.Sprintf("%s, as in %s", p.Summary, sides[first].Name)}
		}
	}
	for _, cut := range middles(words) {
		values = append(values, strings.Join(cut, separator))
	}
	return values, true
}

// ofLogits tells whether a part is computed of what the critic says, not a network.
func ofLogits(name string) bool { return name == "loss" || strings.HasPrefix(name, "penalty ") }

// middles are lists of words without what all of them begin and end with, but for the word before, which is the name of a number there; …
// stands for the rest.
func middles(lists [][]string) [][]string {
	shortest := len(lists[0])
	for _, words := range lists {
		shortest = min(shortest, len(words))
	}
	all := func(at func(words []string) string) bool {
		return !slices.ContainsFunc(lists, func(words []string) bool { return at(words) != at(lists[0]) })
	}
	head, tail := 0, 0
	for head < shortest && all(func(words []string) string { return words[head] }) {
		head++
	}
	for tail < shortest-head && all(func(words []string) string { return words[len(words)-1-tail] }) {
		tail++
	}
	head = max(head-1, 0)
	cut := make([][]string, len(lists))
	for i, words := range lists {
		cut[i] = slices.Clone(words[head : len(words)-tail])
		if head > 0 {
			cut[i] = append([]string{"…"}, cut[i]...)
		}
		if tail > 0 {
			cut[i] = append(cut[i], "…")
		}
	}
	return cut
}

// setNames are the settings that a run has changed while it trained.
func setNames(sides []Side) (names []string) {
	for _, s := range sides {
		for _, name := range slices.Sorted(maps.Keys(s.Status.Settings)) {
			if start, is := s.Info.Initial[name]; is && start != s.Status.Settings[name] && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
