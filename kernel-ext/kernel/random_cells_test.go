package kernel

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A randomCell is a cell that was made at random, and what is known of it.
type randomCell struct {
	code    string
	fails   bool
	single  bool     // it has one thing that it does
	reshape bool     // it declares R with another shape
	dropped []string // variables that R is in the type of, if so
}

// The variables that functions may use, which are always there and keep their types. Others are declared again and again, with any type.
var stables = [][2]string{
	{"n0", "int"}, {"n1", "int"}, {"s0", "[]int"}, {"m0", "map[string]int"}, {"p0", "*int"}, {"t0", "string"}, {"f0", "func() int"},
	{"q0", "*Node"}, {"x0", "any"}, {"l0", "[]func() int"},
}

const others = "ant bee cat dog eel fox gnu hen ibis jay kite lynx mole newt path sort print"

// cellWriter writes the cells of a notebook and, meanwhile, the one program that does the same.
type cellWriter struct {
	phrases
	model model
	count int
	types []string
}

func newCellWriter(rnd *rand.Rand) *cellWriter {
	w := &cellWriter{phrases: phrases{rnd: rnd, grammar: readGrammar(randomGrammar), known: &known{
		variables: map[string]randomVariable{}, lost: map[string]bool{}, functions: map[string][]string{}, model: map[string]string{},
	}}}
	for _, section := range slices.Sorted(maps.Keys(w.grammar)) {
		if typ, ok := strings.CutPrefix(section, "type "); ok {
			w.types = append(w.types, typ)
		}
	}
	return w
}

func (k *known) clone() *known {
	functions := map[string][]string{}
	for signature, names := range k.functions {
		functions[signature] = slices.Clone(names)
	}
	return &known{maps.Clone(k.variables), maps.Clone(k.lost), functions, maps.Clone(k.model)}
}

func (w *cellWriter) next() int {
	w.count++
	return w.count
}

func (w *cellWriter) chance(percent int) bool { return w.rnd.IntN(100) < percent }

// first writes the cell that declares what is always there.
func (w *cellWriter) first() randomCell {
	w.model.begin()
	parts := []string{w.shape(), w.again("r0"), w.again("r1")}
	for _, v := range stables {
		w.variables[v[0]] = randomVariable{typ: v[1], stable: true}
		w.model.stable(w.known, v[0], v[1])
	}
	for _, v := range stables {
		w.hidden = nil
		for _, later := range stables {
			w.hidden = append(w.hidden, later[0])
		}
		parts = append(parts, w.declare(v[0], v[1], 0))
	}
	w.hidden = nil
	w.model.end()
	return randomCell{code: strings.Join(parts, "\n")}
}

// visible lists the variables that cells can use.
func (w *cellWriter) visible() []string { return slices.Sorted(maps.Keys(w.variables)) }

// cell writes a cell. One that is to fail is no part of the model, and what it declares is forgotten.
func (w *cellWriter) cell() randomCell {
	w.model.begin()
	before := w.known
	fails := w.chance(25)
	w.known = before.clone()
	var c randomCell
	switch missing := w.missing(); {
	case missing != nil:
		c = w.mend(missing)
		fails = false
	case w.chance(4):
		c = w.reshape()
	case w.chance(5):
		c = w.forget(fails)
	default:
		c = w.ordinary(fails)
	}
	if c.fails = fails; fails {
		if c.single {
			c.code += "\n" + w.failure()
		}
		w.known = before
		w.model.forget()
		c.reshape = false
	} else {
		w.model.end()
	}
	return c
}

// ordinary writes a cell of declarations and statements.
func (w *cellWriter) ordinary(fails bool) randomCell {
	var above, body, below []string
	for range w.rnd.IntN(3) {
		if text := w.function(); w.chance(30) && !strings.HasPrefix(text, "var ") {
			below = append(below, text)
		} else {
			above = append(above, text)
		}
	}
	if w.chance(15) && !fails {
		above = append(above, w.again([]string{"r0", "r1"}[w.rnd.IntN(2)]))
	}
	if w.chance(15) {
		text, _ := w.oneOf("same", false, 0, func(string) bool { return true })
		above = append(above, text)
	}
	for range w.rnd.IntN(3) { // a literal would see other variables once the cell has declared them anew
		body = append(body, w.statement("do", func(line string) bool { return !strings.Contains(line, "func() {") }))
	}
	body = append(body, w.declarations()...)
	for range 1 + w.rnd.IntN(6) {
		body = append(body, w.statement("do", func(string) bool { return true }))
	}
	if w.chance(15) {
		body = append(body, w.statement("late", func(line string) bool {
			return !fails || !strings.Contains(line, "return") && !strings.Contains(line, "recover")
		}))
		body = append(body, w.statement("do", func(string) bool { return true }))
	}
	if fails && w.chance(15) {
		text, _ := w.oneOf("fail at last", false, 0, func(string) bool { return true })
		body = append(body, text)
	} else if fails {
		body = slices.Insert(body, len(body)-w.rnd.IntN(2), w.failure())
	} else if w.chance(40) {
		body = append(body, w.shown())
	}
	if w.chance(20) {
		above, body, below = append(above, below...), slices.Insert(body, 0, "%%"), nil
	}
	return randomCell{code: strings.Join(slices.Concat(above, body, below), "\n")}
}

// reshape writes a cell that declares R anew. All that has been of the old one goes.
func (w *cellWriter) reshape() randomCell {
	var c randomCell
	for name, v := range w.variables {
		if strings.Contains(v.typ, "$R") {
			c.dropped = append(c.dropped, name)
			w.lose(name)
		}
	}
	slices.Sort(c.dropped)
	c.single, c.reshape = true, true
	c.code = w.shape()
	if w.chance(50) {
		w.hidden = w.visible()
		c.code += "\n" + w.declare(w.name(false), "$R", 0)
		w.hidden = nil
	}
	return c
}

// missing lists the variables that are always there and went with R.
func (w *cellWriter) missing() (names []string) {
	for _, v := range stables {
		if w.lost[v[0]] {
			names = append(names, v[0])
		}
	}
	return names
}

// mend writes a cell that declares them again.
func (w *cellWriter) mend(names []string) randomCell {
	w.hidden = w.visible()
	defer func() { w.hidden = nil }()
	var texts []string
	for _, v := range stables {
		if slices.Contains(names, v[0]) {
			texts = append(texts, w.declare(v[0], v[1], 0))
		}
	}
	return randomCell{code: strings.Join(texts, "\n")}
}

// forget writes a cell that forgets a variable, has one that cannot be kept, or something else under its name.
func (w *cellWriter) forget(fails bool) randomCell {
	name := w.name(false)
	defer w.lose(name)
	if _, there := w.variables[name]; there && !fails && w.chance(30) {
		return randomCell{code: "%rm " + name}
	}
	text, _ := w.oneOf("lost", false, 0, func(string) bool { return true })
	return randomCell{code: strings.ReplaceAll(inCell(text), "@", name), single: true}
}

func (w *cellWriter) lose(name string) {
	delete(w.variables, name)
	w.lost[name] = true
}

// statement writes a statement of a section.
func (w *cellWriter) statement(section string, may func(string) bool) string {
	text, ok := w.oneOf(section, false, 0, may)
	if !ok {
		text = "$n0++"
	}
	w.model.statement(w.known, text)
	return inCell(text)
}

// shown writes the last expression of a cell, whose value is shown.
func (w *cellWriter) shown() string {
	text, ok := w.expression("int", false, 1)
	if !ok {
		text = "$n0"
	}
	w.model.statement(w.known, fmt.Sprintf("fmt.Printf(%q, %s)", shownMark+"%d\n", text))
	return inCell(text)
}

func (w *cellWriter) failure() string {
	text, _ := w.oneOf("fail", false, 0, func(string) bool { return true })
	return inCell(text)
}
