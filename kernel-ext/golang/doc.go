// Package golang knows Go in cells: what a cell's text says, what cells declare, and what gopls tells about them. A text is
// read and parsed once; what is found in it is handed on. The package knows no messages and no GoNB.
//
// Reading order: text.go (a cell taken apart), program.go and place.go (the cell as a Go file), split.go (into
// items), commands.go, completeness.go; declared.go and earlier.go (what lives on); gopls.go (what gopls is shown), lsp.go
// (how it is reached), complete.go and inspect.go (what it is asked).
package golang
