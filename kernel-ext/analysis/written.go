package analysis

import (
	"cmp"
	"slices"
	"strings"
)

// edit puts text in the place of bytes of a cell's source.
type edit struct {
	from, to int
	text     string
}

// written is Go made of parts of a cell's source and of words of ours. It knows which is which.
type written struct {
	text  strings.Builder
	parts []part
}

// part is a part of the source: size bytes from from, that lie at at.
type part struct{ at, from, size int }

// add adds words of ours.
func (w *written) add(text string) { w.text.WriteString(text) }

// take adds a part of the source as edited, at the column where it stands there.
func (w *written) take(source string, from, to int, edits []edit) {
	if column := from - 1 - strings.LastIndexByte(source[:from], '\n'); column > 0 {
		w.add(strings.Repeat(" ", column))
	}
	w.splice(source, from, to, edits)
	w.add("\n")
}

// splice adds a part of the source as edited. Edits that are not entirely in it are left out.
func (w *written) splice(source string, from, to int, edits []edit) {
	for _, e := range edits {
		if e.from < from || e.to > to {
			continue
		}
		w.keep(source, from, e.from)
		w.add(e.text)
		from = e.to
	}
	w.keep(source, from, to)
}

// line adds a line that stands for one of the source, of which only the place counts.
func (w *written) line(text string, from int) {
	w.parts = append(w.parts, part{w.text.Len(), from, len(text)})
	w.add(text + "\n")
}

func (w *written) keep(source string, from, to int) {
	if from < to {
		w.parts = append(w.parts, part{w.text.Len(), from, to - from})
		w.add(source[from:to])
	}
}

// origin returns where in the source a byte comes from; for words of ours ok is false, and it is what stands behind them.
func (w *written) origin(at int) (offset int, ok bool) {
	i, found := slices.BinarySearchFunc(w.parts, at, func(p part, at int) int { return cmp.Compare(p.at, at) })
	if found {
		return w.parts[i].from, true
	}
	if i > 0 {
		if p := w.parts[i-1]; at < p.at+p.size {
			return p.from + at - p.at, true
		}
	}
	switch {
	case i < len(w.parts):
		return w.parts[i].from, false
	case i > 0:
		return w.parts[i-1].from + w.parts[i-1].size, false
	}
	return 0, false
}

// lines returns for each line of what is written the line of the source that it comes from, from 0; -1: all of it is ours.
func (w *written) lines(source string) []int {
	text := w.text.String()
	var out []int
	next := 0
	for at := 0; at <= len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		for next < len(w.parts) && w.parts[next].at+w.parts[next].size <= at {
			next++
		}
		line := -1
		if next < len(w.parts) && w.parts[next].at <= at+end {
			p := w.parts[next]
			line = strings.Count(source[:p.from+max(0, at-p.at)], "\n")
		}
		out = append(out, line)
		at += end + 1
	}
	return out
}

// sortEdits puts edits in order. Of those at one place, what is put in comes before what is replaced, and else the one that was made
// first.
func sortEdits(edits []edit) []edit {
	replaces := func(e edit) int {
		if e.to > e.from {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(replaces(a), replaces(b)))
	})
	return edits
}
