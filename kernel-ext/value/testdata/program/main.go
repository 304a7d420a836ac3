// The program shows values of its own types, as a cell does.
package main

import (
	"fmt"

	"gantry.local/kernel-ext/value"
	"gantry.local/kernel-ext/value/testdata/program/domain"
)

type point struct{ X, Y int }

type kept struct {
	at   *point
	all  map[string]int
	last any
}

func plus(a, b point) point { return point{a.X + b.X, a.Y + b.Y} }

func main() {
	for _, v := range []any{point{1, 2}, &point{1, 2}, map[point]*point{}, plus, first, domain.User{Name: "Ada"},
		kept{&point{3, 4}, map[string]int{"a": 1}, point{5, 6}}, domain.New()} {
		fmt.Printf("%s\n", value.BundleOf(v)["text/plain"])
	}
}

func first(p point, _ domain.User, _ any) []point { return []point{p} }
