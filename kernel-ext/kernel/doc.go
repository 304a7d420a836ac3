// Package kernel is the Jupyter kernel of the project: it stands between Jupyter and an engine that runs cells in GoNB.
//
// Reading order: kernel.go and host.go (a kernel's life); state.go and cell.go (a cell's); then the way of an execute request, on which
// each phase ends by calling the next: receive.go, queue.go, begin.go, commands.go, program.go, conclude.go. What they use:
// values.go and tools.go (for programs), events.go and output.go (what the engine says), explain.go, say.go. Beside it answers.go and
// latest.go (what front-ends ask about code), quick.go (builds that are learned ahead).
package kernel
