package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
)

// NetworkSummary is a network as its traced graph shows it, for a whole batch.
type NetworkSummary struct {
	Name          string // "generator" or "critic"
	Input, Output []int  // [batch, …]
	Layers        []Layer
	Parameters    int     // numbers that are trained
	Kept          int     // numbers that are not: running averages, vectors of spectral normalisation
	Products      float64 // operations of products and convolutions of a forward pass, see Cost
}

// Layer is what the variables of one scope do in a network.
type Layer struct {
	Name       string // the scope, within the network
	Kind       string // what it does, with the activations behind it: "dense 100→256, leaky relu"
	Output     []int  // [batch, …]; nil where the network's output does not depend on it
	Parameters int
	Kept       int
	Products   float64
}

// networks traces the generator and the critic, a batch each.
func networks(e Subject, shape DataShape) (all []NetworkSummary, err error) {
	err = traceOf(e.Game.Seed, func(backend compute.Backend, store *model.Store) {
		trace := func(name, scope string, input shapes.Shape, build func(x, labels *Node) *Node) {
			g := NewGraph(backend, name)
			defer g.Finalize()
			store.SetTraining(g, true)
			x := Parameter(g, "input", input)
			output := build(x, Parameter(g, "labels", shapes.Make(dtypes.Int32, e.Game.BatchSize)))
			all = append(all, summarise(name, scope, store, []*Node{x}, output))
		}
		trace("generator", "/"+method.GeneratorName, shapes.Make(dtypes.Float32, e.Game.BatchSize, e.Game.Sampler.Latent), func(z, labels *Node) *Node {
			return e.Pair.Generator(store.Scope("/"+method.GeneratorName), z, labels)
		})
		images := shapes.Make(dtypes.Float32, e.Game.BatchSize/e.Pair.Pack, shape.Height, shape.Width, shape.Depth*e.Pair.Pack)
		trace("critic", "/"+method.CriticName, images, func(x, labels *Node) *Node {
			return e.Pair.Critic(store.Scope("/"+method.CriticName), x, labels)
		})
	})
	return all, err
}

// summarise finds the layers between inputs, the first of which is shown, and output: the variables of a scope, and the nodes in which what
// is made of them alone meets what depends on the inputs.
func summarise(name, scope string, store *model.Store, inputs []*Node, output *Node) NetworkSummary {
	input := inputs[0]
	s := NetworkSummary{Name: name, Input: input.Shape().Dimensions, Output: output.Shape().Dimensions}
	layers := map[string]*Layer{} // by the path of their scope
	var order []string            // in which data passes them
	of := func(path string) *Layer {
		path = path[:strings.LastIndexByte(path, '/')]
		if layers[path] == nil {
			layers[path] = &Layer{Name: strings.TrimPrefix(strings.TrimPrefix(path, scope), "/")}
		}
		return layers[path]
	}
	names := map[string]string{} // of the layers' variables, behind each other
	for v := range store.IterVariables() {
		if !strings.HasPrefix(v.Path(), scope+"/") {
			continue
		}
		l := of(v.Path())
		names[l.Name] += " " + v.Name()
		if v.Trainable {
			l.Parameters += v.Shape().Size()
			s.Parameters += v.Shape().Size()
		} else {
			l.Kept += v.Shape().Size()
			s.Kept += v.Shape().Size()
		}
	}
	behind := map[*Node]*Layer{} // the layer that a node's value was made by last
	unsettled := map[*Layer]bool{}
	tracing.FromInputs(output, inputs, func(n *Node, depends map[*Node]bool) {
		var own []*Layer
		for _, operand := range n.Inputs() {
			for _, path := range variablesIn(operand, depends) {
				if l := of(path); strings.HasPrefix(path, scope+"/") && !slices.Contains(own, l) {
					own = append(own, l)
				}
			}
			if l := behind[operand]; l != nil && (behind[n] == nil || slices.Index(order, l.Name) > slices.Index(order, behind[n].Name)) {
				behind[n] = l
			}
		}
		product := n.Type() == NodeTypeDotGeneral || n.Type() == NodeTypeConvGeneral
		for _, l := range own {
			switch {
			case !slices.Contains(order, l.Name):
				order = append(order, l.Name)
			case l.Kind != "" && !product && behind[n] != l: // beside what it does
				continue
			}
			l.Output, unsettled[l], behind[n] = n.Shape().Dimensions, false, l
			if product && l.Kind == "" {
				l.Kind = productKind(n, depends)
			}
		}
		l := behind[n]
		switch step := stepName(n, depends); {
		case l == nil:
		case product:
			l.Products += 2 * multiplications(n)
		case len(own) == 0 && isActivation(n, step):
			if l.Kind == "" {
				l.Kind = kindOf(names[l.Name])
			}
			if !strings.Contains(l.Kind, ", "+step) { // which may be several nodes, or at each step of a sequence
				l.Kind += ", " + step
			}
		case len(own) == 0:
			settle(l, n, input.Shape().Dim(0), unsettled)
		}
		if product {
			s.Products += 2 * multiplications(n)
		}
	})
	for v := range store.IterVariables() { // what data does not pass comes last
		if strings.HasPrefix(v.Path(), scope+"/") && !slices.Contains(order, of(v.Path()).Name) {
			order = append(order, of(v.Path()).Name)
		}
	}
	byName := map[string]*Layer{}
	for _, l := range layers {
		if l.Kind == "" {
			l.Kind = kindOf(names[l.Name])
		}
		byName[l.Name] = l
	}
	for _, name := range order {
		s.Layers = append(s.Layers, *byName[name])
	}
	return s
}

// settle gives a layer the shape of a node behind it, where its own is that of a product on the way: rows of pixels, or
// pieces of windows that are added up (unsettled), or features that become an image.
func settle(l *Layer, n *Node, batch int, unsettled map[*Layer]bool) {
	shape, reshaped := n.Shape().Dimensions, n.Type() == NodeTypeReshape
	switch {
	case len(shape) < 2 || shape[0] != batch || len(l.Output) < 2:
	case reshaped && len(l.Output) == 2 && l.Output[0] != batch:
		l.Output, unsettled[l] = shape, len(shape) > 4
	case unsettled[l] && (len(shape) == 3 || len(shape) == 4), reshaped && len(l.Output) == 2 && len(shape) == 4:
		l.Output = shape
	}
}

// productKind says what a layer with a product is, by its weights.
func productKind(n *Node, depends map[*Node]bool) string {
	kind := stepName(n, depends)
	var size, in, out int
	if _, err := fmt.Sscanf(kind, "weights [%d %d %d]", &size, &in, &out); err == nil {
		return fmt.Sprintf("conv %d %d→%d", size, in, out) // along one axis
	}
	return kind
}

// variablesIn are the paths of the variables that a node which does not depend on the input is made of.
func variablesIn(n *Node, depends map[*Node]bool) (paths []string) {
	known := map[*Node]bool{}
	var visit func(n *Node)
	visit = func(n *Node) {
		if known[n] || depends[n] {
			return
		}
		known[n] = true
		if n.Type() == NodeTypeParameter && strings.HasPrefix(n.GetParameterName(), "/") {
			paths = append(paths, n.GetParameterName())
		}
		for _, operand := range n.Inputs() {
			visit(operand)
		}
	}
	visit(n)
	return paths
}

// isActivation tells whether a node is one of a step, as stepName names it, without weights. A choice by a constant is only
// how package net joins gradients to a result.
func isActivation(n *Node, step string) bool {
	if n.Type() == NodeTypeWhere && isConstant(n.Inputs()[0]) {
		return false
	}
	return slices.Contains([]string{"tanh", "sigmoid", "relu", "leaky relu", "softmax", "max"}, step)
}

// kindOf says what a layer without a product is, by the names of its variables.
func kindOf(names string) string {
	fields := strings.Fields(names)
	if slices.Contains(fields, "scale") && slices.Contains(fields, "offset") {
		return "normalise"
	}
	return strings.Join(fields, ", ")
}
