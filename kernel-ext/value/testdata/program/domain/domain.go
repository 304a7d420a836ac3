// Package domain has a name that ends as that of a program's own package.
package domain

// User is a type of it.
type User struct{ Name string }
