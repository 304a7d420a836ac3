// Package kernel is the Jupyter kernel of the project: it stands between Jupyter and an engine that runs cells in GoNB.
//
// Reading order, which is the way of an execute request: kernel.go and host.go (a kernel's life), forward.go and answers.go
// (what front-ends ask), queue.go, run.go (a cell's life), magic.go and result.go (what the kernel does of a cell itself),
// events.go (what the engine says meanwhile), output.go (what a cell prints); state.go and cell.go (how it ends), quick.go.
package kernel
