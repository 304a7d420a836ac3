package main

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type Node struct {
	V    int
	name string
	Next *Node
	Kids []*Node
	M    map[string]*Node
	P    *int
	A    any
	F    func() int
	Arr  [3]int
}

func (n *Node) Inc() int { n.V++; return n.V }

type Pair[K comparable, V any] struct {
	Key   K
	Value V
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(x T) { s.items = append(s.items, x) }
func (s *Stack[T]) Pop() (x T) {
	if n := len(s.items); n > 0 {
		x, s.items = s.items[n-1], s.items[:n-1]
	}
	return x
}

type Shape interface{ Area() int }
type Square struct{ side int }
type Circle struct {
	r int
	p *int
}

func (s Square) Area() int  { return s.side * s.side }
func (c *Circle) Area() int { c.r++; return 3 * c.r }

type Color int

func (c Color) String() string { return "color " + strconv.Itoa(int(c)) }

type Key struct {
	A int
	B string
}

type Fault struct{ Code int }

func (f *Fault) Error() string { return "fault " + strconv.Itoa(f.Code) }

func mod(i, n int) int { return ((i % n) + n) % n }
func at[T any](s []T, i int) (x T) {
	if len(s) > 0 {
		x = s[mod(i, len(s))]
	}
	return x
}
func place(s []int, i int) *int {
	if len(s) == 0 {
		return nil
	}
	return &s[mod(i, len(s))]
}
func deref[T any](p *T) (x T) {
	if p != nil {
		x = *p
	}
	return x
}
func apply[T, U any](s []T, f func(T) U) []U {
	made := make([]U, 0, len(s)+2)
	for _, x := range s {
		made = append(made, f(x))
	}
	return made
}
func cut(s string) string { return s[:min(len(s), 40)] }
func total(n *Node) int {
	sum := 0
	for i := 0; n != nil && i < 20; i++ {
		sum += n.V
		n = n.Next
	}
	return sum
}
func kindOf(err error) string {
	var f *Fault
	return fmt.Sprint(errors.Is(err, io.EOF), errors.As(err, &f), err)
}

// dump prints variables, given by their names and pointers to them, and which pointers lead to one place.
func dump(vars ...any) {
	d := &dumper{ids: map[spot]int{}}
	for i := 0; i < len(vars); i += 2 {
		d.say("\n%s = ", vars[i])
		d.value(reflect.ValueOf(vars[i+1]).Elem())
	}
	fmt.Println(d.out.String())
}

type spot struct {
	at uintptr
	of reflect.Type
}
type dumper struct {
	out strings.Builder
	ids map[spot]int
}

func (d *dumper) say(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

// known notes a place; where it has been before it says only which it is.
func (d *dumper) known(at uintptr, of reflect.Type) bool {
	s := spot{at, of}
	if id, ok := d.ids[s]; ok {
		d.say("@%d", id)
		return true
	}
	d.ids[s] = len(d.ids)
	return false
}

func (d *dumper) value(v reflect.Value) {
	if v.CanAddr() && v.Type().Size() > 0 && d.known(v.UnsafeAddr(), v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		d.say("%v", v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		d.say("%d", v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		d.say("%d", v.Uint())
	case reflect.Float32, reflect.Float64:
		d.say("%v/%x", v.Float(), math.Float64bits(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		d.say("%v", v.Complex())
	case reflect.String:
		d.say("%q", v.String())
	case reflect.Func:
		d.say("func %t", !v.IsNil())
	case reflect.Interface:
		if v.IsNil() {
			d.say("nil")
			return
		}
		d.say("%s:", v.Elem().Type())
		d.value(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			d.say("nil")
			return
		}
		d.say("&")
		d.value(v.Elem())
	case reflect.Struct:
		d.say("{")
		for i := range v.NumField() {
			d.value(v.Field(i))
			d.say(" ")
		}
		d.say("}")
	case reflect.Array:
		d.list(v)
	case reflect.Slice:
		if v.IsNil() {
			d.say("nil")
			return
		}
		d.say("%d/%d", v.Len(), v.Cap())
		d.list(v.Slice(0, v.Cap()))
	case reflect.Map:
		d.table(v)
	default:
		d.say("a %s", v.Kind())
	}
}

func (d *dumper) list(v reflect.Value) {
	const long = 300
	if v.Len() > long {
		sum := crc32.NewIEEE()
		for i := range v.Len() {
			fmt.Fprint(sum, v.Index(i), " ")
		}
		d.say("%08x<", sum.Sum32())
		d.value(v.Index(0))
		d.say(" ")
		d.value(v.Index(v.Len() - 1))
		d.say(">")
		return
	}
	d.say("[")
	for i := range v.Len() {
		d.value(v.Index(i))
		d.say(" ")
	}
	d.say("]")
}

func (d *dumper) table(v reflect.Value) {
	if v.IsNil() {
		d.say("nil")
		return
	}
	if d.known(v.Pointer(), v.Type()) {
		return
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	var entries []entry
	for i := v.MapRange(); i.Next(); {
		entries = append(entries, entry{fmt.Sprint(i.Key()), i.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	d.say("map[")
	for _, e := range entries {
		d.say("%s: ", e.key)
		d.value(e.value)
		d.say(" ")
	}
	d.say("]")
}
