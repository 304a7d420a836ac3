// Package keep is what lets the variables of a notebook's cells live on. Each cell is a program of its own; the kernel writes
// a file beside its text that calls Begin before main, which brings the variables back, and End after it, which keeps them.
//
//	func init() { keep.Begin(keep.Program{Cell: 7, Vars: []keep.Var{{Name: "x", At: &x}}}) }
//
// What is kept is the memory that variables reach, of any depth, with all that points to one another in it: two names for
// one map, slices of one array, cycles. Not kept are channels, open files, connections, unsafe pointers, contexts that can be
// cancelled, functions of packages that have variables of their own, and memory that is not Go's. A variable that leads to
// such is not kept at all, and the manifest says why; others are not harmed.
//
// # Types that are more than their memory
//
// A type takes part by a method Kept, on the value or on the pointer, which gives a stand-in: a value with a method Restored
// that makes the value again in another process. Both need nothing of this package, so a type of a cell can have them:
//
//	type Model struct{ handle C.model }
//	type modelKept struct{ weights []float32 }
//
//	func (m *Model) Kept() (any, error)        { return modelKept{m.weights()}, nil }
//	func (k modelKept) Restored() (any, error) { return NewModel(k.weights) }
//
// A stand-in is kept like any value: it may hold pointers, functions, and values that have stand-ins themselves, but it must
// not lead back to what it stands for. Restored gives what Kept was called on: a pointer where Kept is of the pointer, else
// a value. All pointers to one value lead to the same one again. An error of Kept is the reason why a variable is not kept;
// an error of Restored fails the program that needs the variable. A type that embeds one with a stand-in is not one itself.
// For types of other packages an Adapter stands in for the method.
//
// # What differs after a value was kept
//
// A time has no reading of the process's own clock. A sync.Pool is empty, nobody waits for a sync.Cond. Pointers to
// variables of packages lead to copies, but for those that Program.Globals names, the usual errors, and the standard files. Strings
// below 1 KiB do not share memory. A goroutine that still runs when End is called, and changes what is being kept, may keep
// the variables from being kept.
//
// Reading order: keep.go (Begin and End), restore.go and save.go (what they do), layout.go and special.go (what lies where in a
// type), walk.go and fault.go (what variables reach, and what keeps them from being kept), things.go (pieces of memory that do
// not overlap); encode.go, writevalue.go, order.go (a file's content), decode.go, readvalue.go, losses.go (the way back, and what
// a program lacks for it); types.go, describe.go, print.go, find.go, code.go, methodvalue.go, globals.go (what is found again by
// name), standin.go, blocks.go (large memory), memory.go (Go's runtime), snapshot.go.
package keep
