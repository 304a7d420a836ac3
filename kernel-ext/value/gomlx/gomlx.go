// Package gomlx shows GoMLX's values: tensors, nodes of graphs, stores of variables and backends. It is apart from package value
// so that only a cell that links GoMLX anyway links it.
//
// Reading order: gomlx.go (which value is which), tensor.go with pixels.go (a tensor by its numbers, or as a picture), store.go
// (variables).
package gomlx

import (
	"fmt"
	"html"
	"regexp"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Form is a value.Form for GoMLX's values. What has been finalized is said to be so.
func Form(v any) map[string]any {
	switch v := v.(type) {
	case *tensors.Tensor:
		if v != nil {
			return tensor(v)
		}
	case *graph.Node:
		if v != nil {
			return line(node(v))
		}
	case *graph.Graph:
		if v != nil {
			return line(ofGraph(v))
		}
	case *graph.Exec:
		if v != nil {
			return line(fmt.Sprintf("graph function %q, compiled for each shape that it is called with", v.Name()))
		}
	case *model.Exec:
		if v != nil {
			return line(fmt.Sprintf("graph function %q with variables, compiled for each shape that it is called with", v.Name()))
		}
	case *model.Store:
		if v != nil {
			return store(v)
		}
	case *model.Scope:
		if v != nil {
			return scope(v)
		}
	case *model.Variable:
		if v != nil {
			return variable(v)
		}
	case compute.Backend:
		return line(backend(v))
	}
	return nil
}

// line is text that needs no HTML.
func line(text string) map[string]any { return map[string]any{"text/plain": text} }

// node says what a node computes, and that it has no value.
func node(n *graph.Node) string {
	text := fmt.Sprintf("node %v of graph %q: ", n.Type(), n.Graph().Name())
	if outputs := n.NumOutputs(); outputs != 1 {
		return text + fmt.Sprintf("%d outputs", outputs)
	}
	text += n.Shape().String()
	if n.Type() == graph.NodeTypeParameter {
		text += fmt.Sprintf(", parameter %q", n.GetParameterName())
	}
	return text + "; it has a value when its graph runs"
}

// ofGraph says how large a graph is.
func ofGraph(g *graph.Graph) string {
	switch {
	case !g.IsValid():
		return "graph, which is finalized"
	case g.IsCompiled():
		return fmt.Sprintf("graph %q of %d nodes, compiled", g.Name(), len(g.Nodes()))
	}
	return fmt.Sprintf("graph %q of %d nodes, under construction", g.Name(), len(g.Nodes()))
}

// backend says which one it is.
func backend(b compute.Backend) string {
	if b.IsFinalized() {
		return "backend " + b.Name() + ", which is finalized"
	}
	text := fmt.Sprintf("backend %s: %s", b.Name(), withoutFolders(b.Description()))
	if n := b.NumDevices(); n != 1 {
		text += fmt.Sprintf(", %d devices", n)
	}
	return text
}

// withoutFolders takes the folders out of the paths in a text, such as that of a backend's plugin: they differ from machine to machine.
func withoutFolders(text string) string {
	return regexp.MustCompile(`/(?:[^/\s()]+/)+`).ReplaceAllString(text, "")
}

// page is lines of HTML, escaped, in front of more.
func page(title, note, more string) string {
	text := "<div><strong>" + html.EscapeString(title) + "</strong></div>"
	if note != "" {
		text += `<div style="opacity:0.7">` + html.EscapeString(note) + "</div>"
	}
	return text + more
}
