// Package engine runs the cells of a kernel in GoNB. GoNB is a kernel itself, and what reads cells in it is internal to its
// module; so set-up builds a program in a copy of that module, with files added and none edited. A kernel starts it as a
// child with one private socket, gives it one cell at a time, and hears in typed events what becomes of it.
// docs/decisions/0017-gonb-as-engine.md says why.
//
// Reading order: wire (what is said), engine.go (the kernel's side), _gonb/engine (the program; main.go says in which
// order), _gonb/internal/goexec (what GoNB does not export), source.go (how the program is built).
package engine
