package keep

import (
	"reflect"
	"strconv"
)

// A printer makes fingerprints of types: numbers that differ where the memory of their values, or what they lead to, is
// laid out otherwise. It also notes which types of cells a type is made of.
type printer struct {
	ls    *layouts
	done  map[reflect.Type]uint64
	cells map[reflect.Type][]reflect.Type
}

func newPrinter(ls *layouts) *printer {
	return &printer{ls: ls, done: map[reflect.Type]uint64{}, cells: map[reflect.Type][]reflect.Type{}}
}

// of is the fingerprint of a type.
func (p *printer) of(t reflect.Type) uint64 {
	if print, ok := p.done[t]; ok {
		return print
	}
	w := printing{p: p, hash: fnvStart, seen: map[reflect.Type]int{}}
	w.add(t)
	p.done[t], p.cells[t] = w.hash, w.cells
	return w.hash
}

// madeOf are the types of package main that t leads to.
func (p *printer) madeOf(t reflect.Type) []reflect.Type {
	p.of(t)
	return p.cells[t]
}

type printing struct {
	p     *printer
	hash  uint64
	seen  map[reflect.Type]int
	cells []reflect.Type
}

const (
	fnvStart = 14695981039346656037
	fnvPrime = 1099511628211
)

func (w *printing) say(s string) {
	for i := range len(s) {
		w.hash = (w.hash ^ uint64(s[i])) * fnvPrime
	}
	w.hash = (w.hash ^ 0xff) * fnvPrime
}

func (w *printing) add(t reflect.Type) {
	if n, ok := w.seen[t]; ok {
		w.say("#" + strconv.Itoa(n))
		return
	}
	w.seen[t] = len(w.seen)
	w.say(t.Kind().String())
	if t.Name() != "" {
		w.say(t.PkgPath())
		w.say(t.Name())
		if t.PkgPath() == "main" {
			w.cells = append(w.cells, t)
		}
		if is, _ := w.p.ls.keeping(t); is != notAKeeper && t.PkgPath() != "main" || unkept(t.PkgPath(), t.Name()) != "" || isTypeDescriptor(t) {
			return // what it is made of is its own affair
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Chan:
		w.add(t.Elem())
	case reflect.Array:
		w.say(strconv.Itoa(t.Len()))
		w.add(t.Elem())
	case reflect.Map:
		w.add(t.Key())
		w.add(t.Elem())
	case reflect.Func:
		w.say(strconv.FormatBool(t.IsVariadic()))
		w.say(strconv.Itoa(t.NumIn()))
		for i := range t.NumIn() {
			w.add(t.In(i))
		}
		for i := range t.NumOut() {
			w.add(t.Out(i))
		}
	case reflect.Struct:
		w.say(strconv.Itoa(t.NumField()))
		for i := range t.NumField() {
			f := t.Field(i)
			w.say(f.Name)
			w.add(f.Type)
		}
	case reflect.Interface:
		if t.Name() == "" {
			w.say(t.String())
		}
	}
}
