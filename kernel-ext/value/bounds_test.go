package value

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

type deep struct {
	In   *deep
	Next []deep
}

// seen describes a value and returns how many values and numbers were looked at for it.
func seen(v any) (values, numbers int, n *node) {
	w := newWalker()
	n = w.value(reflect.ValueOf(v), true, 0)
	return mostNodes - max(w.nodes, 0), mostLooked - w.looked, n
}

// TestBounds describes large, deep and endless values, and counts what is looked at.
func TestBounds(t *testing.T) {
	chain := &deep{}
	for range 100_000 {
		chain = &deep{In: chain}
	}
	bush := deep{}
	for range 12 {
		bush = deep{Next: []deep{bush, bush, bush, bush, bush, bush}}
	}
	table := make(map[int]string, 1_000_000)
	for i := range 1_000_000 {
		table[i] = "x"
	}
	rows := make([][]float32, 3000)
	for i := range rows {
		rows[i] = make([]float32, 1000)
	}
	empty := make([][][]int, 1000)
	for i := range empty {
		empty[i] = make([][]int, 10_000)
	}
	var endless any
	endless = &endless
	self := map[string]any{}
	self["self"] = self
	for name, v := range map[string]any{
		"a million numbers": make([]float64, 1_000_000), "more": make([]int8, 5_000_000), "rows": rows, "empty rows": empty, "map": table,
		"chain": chain, "bush": bush, "endless": endless, "itself": self, "text": []string{strings.Repeat("ab", 5_000_000)},
		"nested maps": map[string]any{"a": map[string]any{"b": table}},
	} {
		values, numbers, n := seen(v)
		text, html := n.shown(), n.html()
		if values > mostNodes || numbers > mostLooked || len(text) > 400_000 || len(html) > 1_200_000 {
			t.Errorf("%s: %d values and %d numbers were looked at for %d bytes of text and %d of HTML", name, values, numbers, len(text), len(html))
		}
		wellFormed(t, name, []byte(html))
	}
	for want, v := range map[string]any{
		"[]float64, 1 000 000 numbers in 0 … 0, mean 0":  make([]float64, 1_000_000),
		"[]int8, 5 000 000 numbers, the first 1 048 576": make([]int8, 5_000_000),
		"… 9 990 more": make([]int, 10_000), "↺ *any": endless, "↺ map[string]any": self,
	} {
		if text := string(BundleOf(v)[mimeText]); !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", cut(text, 400), want)
		}
	}
	if text := BundleOf(strings.Repeat("é", mostText))[mimeText]; len(text) > mostText+len("…") || !strings.HasSuffix(string(text), "é…") {
		t.Errorf("a string of 2 MiB has %d bytes and ends in %q", len(text), text[len(text)-8:])
	}
}

type chained struct{ to error }

func (c *chained) Error() string { return "again" }
func (c *chained) Unwrap() error { return c.to }

// TestChains follows errors that wrap themselves, many others, or panic.
func TestChains(t *testing.T) {
	loop := &chained{}
	loop.to = loop
	var many []error
	for range 1000 {
		many = append(many, errors.New("one"))
	}
	var none *chained
	for want, err := range map[string]error{
		"↳ …": loop, "↳ *errors.errorString: one": errors.Join(many...), "panicked": fmt.Errorf("%w", &chained{none}),
	} {
		text := string(BundleOf(err)[mimeText])
		if strings.Count(text, "↳") > mostChain+2*mostChain {
			t.Errorf("%d lines", strings.Count(text, "↳"))
		}
		if want != "panicked" && !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

// FuzzBundle makes random values of random types and wants a sound bundle of each.
func FuzzBundle(f *testing.F) {
	f.Add([]byte("a value of some type"))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Fuzz(func(t *testing.T, program []byte) {
		v := (&grower{program: program}).grow(0)
		b := BundleOf(v.Interface())
		if len(b[mimeText]) == 0 && v.Kind() != reflect.String && v.Type() != reflect.TypeFor[celsius]() {
			t.Errorf("%v has no text", v.Type())
		}
		if html, is := b[mimeHTML]; is {
			wellFormed(t, v.Type().String(), html)
		}
		if text := string(BundleOf(v.Interface())[mimeText]); text != string(b[mimeText]) {
			t.Errorf("%v is once %q and once %q", v.Type(), b[mimeText], text)
		}
	})
}

// largestItem is how many bytes an item of many is: arrays of arrays grow beyond any memory.
const largestItem = 1 << 10

// grower makes values by the bytes of a program.
type grower struct{ program []byte }

func (g *grower) next() int {
	if len(g.program) == 0 {
		return 0
	}
	b := g.program[0]
	g.program = g.program[1:]
	return int(b)
}

func (g *grower) grow(depth int) reflect.Value {
	kind := g.next() % 14
	if depth > 12 {
		kind %= 6
	}
	switch kind {
	case 0:
		return reflect.ValueOf(g.next())
	case 1:
		return reflect.ValueOf(float64(g.next()) / 7)
	case 2:
		n := min(g.next(), len(g.program))
		s := string(g.program[:n])
		g.program = g.program[n:]
		return reflect.ValueOf(s)
	case 3:
		return reflect.ValueOf(g.next()%2 == 0)
	case 4:
		return reflect.ValueOf(celsius(g.next()))
	case 5:
		return reflect.ValueOf(g.program)
	case 6: // a slice
		item := g.grow(depth + 1)
		if item.Type().Size() > largestItem {
			return item
		}
		s := reflect.MakeSlice(reflect.SliceOf(item.Type()), 0, 0)
		for range g.next() {
			s = reflect.Append(s, item)
		}
		return s
	case 7: // a map
		m := map[any]any{}
		for range g.next() % 8 {
			if key := g.grow(depth + 1); key.Type().Comparable() && key.Comparable() {
				m[key.Interface()] = g.grow(depth + 1).Interface()
			}
		}
		return reflect.ValueOf(m)
	case 8: // a struct
		var fields []reflect.StructField
		var values []reflect.Value
		for i := range g.next() % 6 {
			values = append(values, g.grow(depth+1))
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: values[i].Type()})
		}
		s := reflect.New(reflect.StructOf(fields)).Elem()
		for i, v := range values {
			s.Field(i).Set(v)
		}
		return s
	case 9:
		p := reflect.New(reflect.TypeFor[any]())
		p.Elem().Set(g.grow(depth + 1))
		return p
	case 10:
		return reflect.ValueOf([]any{g.grow(depth + 1).Interface(), g.grow(depth + 1).Interface(), nil})
	case 11:
		return reflect.ValueOf(person{Name: g.grow(12).String(), Age: g.next()})
	case 12:
		return reflect.ValueOf(errors.New(g.grow(12).String()))
	}
	item := g.grow(depth + 1)
	if item.Type().Size() > largestItem {
		return item
	}
	a := reflect.New(reflect.ArrayOf(g.next()%5, item.Type())).Elem()
	for i := range a.Len() {
		a.Index(i).Set(item)
	}
	return a
}
