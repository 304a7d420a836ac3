package train

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/internal/tracing"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
)

// Sample draws n images from latents that depend on the seed alone: image i is the same for every n, on every backend
// up to rounding, and at every step of training shows the same latent. Where the game averages the network, the averaged
// weights are used.
func (t *Trainer) Sample(n int, seed int64) (sample.Images, error) {
	if err := t.samples(); err != nil {
		return sample.Images{}, err
	}
	return t.sampler.Sample(n, seed)
}

// Generate maps latents, [n, latent] row-major, to n images, as Sample does those of a seed. classes are theirs where the
// generator is conditional; nil takes the classes in turn.
func (t *Trainer) Generate(z []float32, classes []int32) (sample.Images, error) {
	if err := t.samples(); err != nil {
		return sample.Images{}, err
	}
	if classes == nil {
		return t.sampler.Generate(z)
	}
	return t.sampler.GenerateClasses(z, classes)
}

// Generator returns a generator with a copy of the weights that Sample uses, which goes on where the trainer's change.
func (t *Trainer) Generator() (*Generator, error) {
	if err := t.samples(); err != nil {
		return nil, err
	}
	return t.sampler.Clone()
}

// samples tells why there are no samples.
func (t *Trainer) samples() error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.sampler == nil {
		return fmt.Errorf("%q has no network to draw samples from: give its game a Sampler, or use Apply", t.game.Name)
	}
	return nil
}

// Apply maps images by a network, in inference mode, such as from one domain to another. With an average, the averaged weights are
// used.
func (t *Trainer) Apply(network string, images sample.Images) (sample.Images, error) {
	if _, known := t.game.Network(network); !known {
		return sample.Images{}, fmt.Errorf("there is no network %q in %q", network, t.game.Name)
	}
	out, err := t.Look("apply "+network, func(p *method.Play, inputs []*graph.Node) *graph.Node {
		made := p.NetAveraged(network, inputs[0])
		if made.Rank() != 4 {
			panic(fmt.Errorf("network %q makes %s, want images [batch, height, width, channels]", network, made.Shape()))
		}
		return made
	}, images, nil)
	if err != nil {
		return sample.Images{}, err
	}
	return imagesOf(out)
}

// Shown makes the pairs of images that show what a game without a Sampler does, from images of its first set: 2i is image i before, and
// 2i+1 after, as one of its networks Shows it.
func (t *Trainer) Shown(images sample.Images) (sample.Images, error) {
	shows := t.game.Shows()
	if shows == nil {
		return sample.Images{}, fmt.Errorf("%q has nothing to show: give one of its networks Shows", t.game.Name)
	}
	out, err := t.Look("shown", func(p *method.Play, inputs []*graph.Node) *graph.Node {
		before, after := shows(p, inputs[0])
		if !before.Shape().Equal(after.Shape()) || before.Rank() != 4 {
			panic(fmt.Errorf("%q shows %s beside %s, want images of one shape [batch, height, width, channels]", t.game.Name, after.Shape(), before.Shape()))
		}
		d := before.Shape().Dimensions
		return graph.Reshape(graph.Stack([]*graph.Node{before, after}, 1), 2*d[0], d[1], d[2], d[3])
	}, images, nil)
	if err != nil {
		return sample.Images{}, err
	}
	return imagesOf(out)
}

// imagesOf takes images from the device.
func imagesOf(out *tensors.Tensor) (sample.Images, error) {
	d := out.Shape().Dimensions
	images := sample.Images{N: d[0], Height: d[1], Width: d[2], Channels: d[3]}
	values, err := tensors.CopyFlatData[float32](out)
	images.Values = values
	return images, errors.Join(err, out.FinalizeAll())
}

// Look runs a graph of one's own, in inference mode, on images and their labels (nil: none): it calls the networks as an objective
// does. It is compiled once for each name and shape.
func (t *Trainer) Look(name string, of func(p *method.Play, inputs []*graph.Node) *graph.Node, images sample.Images, labels []int32) (*tensors.Tensor, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	images = images.Seen()
	switch {
	case images.N < 1 || len(images.Values) != images.N*images.Height*images.Width*images.Channels:
		return nil, fmt.Errorf("%d images of %d×%d×%d have %d values", images.N, images.Height, images.Width, images.Channels, len(images.Values))
	case labels != nil && len(labels) != images.N:
		return nil, fmt.Errorf("%d images have %d labels", images.N, len(labels))
	}
	exec := t.compiled.asked[name]
	if exec == nil {
		made, err := model.NewExec(t.backend, t.ground.Store, func(_ *model.Scope, inputs []*graph.Node) *graph.Node {
			defer tracing.PanicWithError()
			return of(t.game.Look(t.ground, inputs[0].Graph()), inputs)
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.compiled.asked[name], exec = made, made
	}
	inputs := []any{tensors.FromFlatDataAndDimensions(images.Values, images.N, images.Height, images.Width, images.Channels)}
	if labels != nil {
		inputs = append(inputs, labels)
	}
	out, err := exec.Call1(inputs...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// GradientNorm is the norm of an objective's gradient by one variable.
type GradientNorm struct {
	Variable string // its path, such as "critic/conv_0/weights"
	Norm     float64
}

// Of is the variable and the norm, see metric.VariableGradient.
func (g GradientNorm) Of() (variable string, norm float64) { return g.Variable, g.Norm }

// GradientNorms returns the norms of the gradients of a step's phases, variable by variable, on the batch of the next step and at
// the present weights, lazy terms included. Nothing is updated.
func (t *Trainer) GradientNorms() ([]GradientNorm, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	if t.driver != nil {
		return nil, errors.New("gradients of a phase that has a Driver, such as private ones, are not to be looked at")
	}
	rows, err := lookedAt(t, t.place.calls)
	if err != nil {
		return nil, err
	}
	var paths []string
	exec, err := model.NewExec(t.backend, t.ground.Store, func(_ *model.Scope, rows, state, settings *graph.Node) (norms []*graph.Node) {
		defer tracing.PanicWithError()
		norms, paths = t.game.Gradients(t.ground, method.Inputs{Rows: rows, State: state, Settings: settings})
		return norms
	})
	if err != nil {
		return nil, err
	}
	defer exec.Finalize()
	outputs, err := exec.Call(tensors.FromFlatDataAndDimensions(rows, t.game.RowsShape().Dimensions...),
		method.RandomState(t.game.Seed, t.place.calls, 0), settingsOfStep(t))
	if err != nil {
		return nil, fmt.Errorf("gradients: %w", err)
	}
	all := make([]GradientNorm, len(paths))
	for i, path := range paths {
		all[i] = GradientNorm{path, float64(tensors.ToScalar[float32](outputs[i]))}
	}
	return all, nil
}

// ShowValue shows the trainer in a notebook: what it trains, where it stands and, once it has made a step, some samples.
func (t *Trainer) ShowValue() map[string]any { return show(t) }
