// Package domain has a name that ends as that of a program's own package.
package domain

// User is a type of it.
type User struct{ Name string }

// Keeper keeps things to itself.
type Keeper struct {
	at   *User
	all  map[string]int
	last any
	none *User
	n    []int
}

// New makes a Keeper.
func New() *Keeper { return &Keeper{&User{}, map[string]int{"a": 1}, User{}, nil, []int{1, 2}} }
