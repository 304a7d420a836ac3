package gan

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/sample"
)

// Logits returns what the critic says of images in inference mode, one logit each; labels are their classes, nil where
// the critic is not conditional. A critic that judges packs sees each image beside the ones that follow it, so the number
// of images must be a multiple of Pack, and there is a logit for each pack.
func (t *Trainer) Logits(images sample.Images, labels []int32) ([]float32, error) {
	return t.ask(&t.logits, images, labels, func(x, labels *graph.Node) *graph.Node {
		return t.builder.logits(packed(x, t.exp.Pack), labels).logits
	})
}

// InputGradients returns ∇ₓD, the gradient of each image's logit (or its pack's) by the image, [n, h, w, c] as the images:
// the direction in which the critic asks the generator to change them. images and labels are as for Logits.
func (t *Trainer) InputGradients(images sample.Images, labels []int32) ([]float32, error) {
	return t.ask(&t.slopes, images, labels, func(x, labels *graph.Node) *graph.Node {
		logits := t.builder.logits(packed(x, t.exp.Pack), labels).logits
		return graph.Gradient(graph.ReduceAllSum(logits), x)[0]
	})
}

// ask runs a graph on images, compiled when first asked for, with the critic in inference mode.
func (t *Trainer) ask(exec **model.Exec, images sample.Images, labels []int32, of func(x, labels *graph.Node) *graph.Node) ([]float32, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	images = images.Seen()
	switch {
	case images.N == 0 || images.N%t.exp.Pack != 0:
		return nil, fmt.Errorf("the critic judges %d images at once; %d images were given", t.exp.Pack, images.N)
	case len(images.Values) != images.N*images.Height*images.Width*images.Channels:
		return nil, fmt.Errorf("%d images of %d×%d×%d have %d values", images.N, images.Height, images.Width, images.Channels, len(images.Values))
	case t.exp.ClassCritic != nil && len(labels) != images.N:
		return nil, fmt.Errorf("%d images have %d labels", images.N, len(labels))
	case t.exp.ClassCritic == nil:
		labels = make([]int32, images.N) // not looked at
	}
	if *exec == nil {
		made, err := model.NewExec(t.backend, t.store, func(_ *model.Scope, x, labels *graph.Node) *graph.Node {
			defer panicWithError()
			t.store.SetTraining(x.Graph(), false)
			return of(x, labels)
		})
		if err != nil {
			return nil, fmt.Errorf("critic: %w", err)
		}
		*exec = made
	}
	out, err := (*exec).Call1(
		tensors.FromFlatDataAndDimensions(images.Values, images.N, images.Height, images.Width, images.Channels), labels)
	if err != nil {
		return nil, fmt.Errorf("critic: %w", err)
	}
	return tensors.CopyFlatData[float32](out)
}

// GradientNorm is the norm of a loss' gradient by one variable.
type GradientNorm struct {
	Variable string // its path, such as "critic/conv_0/weights"
	Norm     float64
}

// Of is the variable and the norm, see metric.VariableGradient.
func (g GradientNorm) Of() (variable string, norm float64) { return g.Variable, g.Norm }

// GradientNorms returns the norms of both networks' gradients, variable by variable in the order of their creation, on
// the batch of the next step and at the present weights. Nothing is updated. The critic's is that of its loss with all
// penalties.
func (t *Trainer) GradientNorms() (critic, generator []GradientNorm, err error) {
	if err := t.usable(); err != nil {
		return nil, nil, err
	}
	if t.private != nil {
		return nil, nil, errors.New("gradients by real images without noise are not for a private run")
	}
	builder := t.builder
	builder.updates = updates{critic: true, generator: true, penalties: len(t.exp.Penalties) > 0}
	exec, err := model.NewExec(t.backend, t.store, func(_ *model.Scope, rows, state, settings *graph.Node) []*graph.Node {
		defer panicWithError()
		s := builder
		return s.gradientNorms(rows, state, settings)
	})
	if err != nil {
		return nil, nil, err
	}
	defer exec.Finalize()
	outputs, err := exec.Call(
		tensors.FromFlatDataAndDimensions(t.nextRows(), t.exp.CriticSteps, t.exp.BatchSize), randomState(t.exp.Seed, t.calls, 0), t.settingsOfStep())
	if err != nil {
		return nil, nil, fmt.Errorf("gradients: %w", err)
	}
	for _, network := range []struct {
		scope string
		norms *[]GradientNorm
	}{{criticScope, &critic}, {generatorScope, &generator}} {
		for _, v := range builder.trainable(network.scope) {
			norm := float64(tensors.ToScalar[float32](outputs[0]))
			*network.norms = append(*network.norms, GradientNorm{v.Path()[1:], norm})
			outputs = outputs[1:]
		}
	}
	return critic, generator, nil
}
