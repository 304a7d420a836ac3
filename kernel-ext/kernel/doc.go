// Package kernel is the Jupyter kernel of the project: a proxy that stands between Jupyter and GoNB, forwards the
// messages of both, and makes GoNB's cells build against the project's own modules.
//
// Reading order: kernel.go (a kernel's life), forward.go and answers.go (what front-ends ask), queue.go (a cell's life), magic.go
// and result.go (what the kernel does of a cell itself), output.go and displays.go (what a cell prints and shows), errors.go and
// annotate.go (how it fails), interrupt.go; gonb.go, prelude.go, requests.go, stream_scripts.go and cellmod.go (GoNB).
package kernel
