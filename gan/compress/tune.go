package compress

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/optim"
	"gantry.local/gan/train"
)

// TuneOptions say how Tune trains. The zero value of every field is the documented default.
type TuneOptions struct {
	Steps     int     // default 200
	BatchSize int     // latents per step; default 64
	Rate      float64 // Adam's; default 1e-3
	Seed      int64   // of the latents

	// Progress, where it is set, is called after every step with the number of steps done and the loss before that step.
	Progress func(step int, loss float64)
}

func (o TuneOptions) withDefaults() TuneOptions {
	if o.Steps == 0 {
		o.Steps = 200
	}
	if o.BatchSize == 0 {
		o.BatchSize = 64
	}
	if o.Rate == 0 {
		o.Rate = 1e-3
	}
	return o
}

// where Tune keeps its state beside the weights.
const tuneScope = "/compress"

// Tune trains pruned, in place, to make the images of original, and returns the losses:
//
//	L = mean (G_pruned(z) - G_original(z))²,    z ~ N(0, I)
//
// It needs no data and no critic. After each update the mask is applied again, so what was pruned stays at zero. Running
// averages of normalisations stay as they are. It ends early with ctx's error, the weights being those of the last step.
//
// Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015, arXiv:1503.02531.
func Tune(ctx context.Context, pruned, original *train.Generator, mask Mask, options TuneOptions) ([]float64, error) {
	o := options.withDefaults()
	switch {
	case o.Steps < 0 || o.BatchSize < 0 || !(o.Rate > 0):
		return nil, fmt.Errorf("tuning: Steps %d, BatchSize %d and Rate %g must be positive", o.Steps, o.BatchSize, o.Rate)
	case pruned.Latent() != original.Latent() || pruned.Classes() != original.Classes():
		return nil, fmt.Errorf("cannot tune a generator of %d latents and %d classes after one of %d and %d",
			pruned.Latent(), pruned.Classes(), original.Latent(), original.Classes())
	case pruned.Store() == original.Store():
		return nil, fmt.Errorf("cannot tune a generator after itself: prune a copy of it, as With does")
	}
	store := pruned.Store()
	defer store.DeleteVariablesInScope(tuneScope) //nolint:errcheck // its own variables, made below
	masks, err := maskVariables(pruned, mask)
	if err != nil {
		return nil, err
	}
	teacher, err := model.NewExec(original.Backend(), original.Store(), func(_ *model.Scope, inputs []*Node) *Node {
		return original.Build(inputs[0], labels(inputs, 1))
	})
	if err != nil {
		return nil, fmt.Errorf("tuning: %w", err)
	}
	defer teacher.Finalize()
	adam := optim.Adam{Rate: o.Rate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	student, err := model.NewExec(pruned.Backend(), store, func(_ *model.Scope, inputs []*Node) *Node {
		images := pruned.Build(inputs[0], labels(inputs, 2))
		loss := ReduceAllMean(Square(Sub(images, inputs[1])))
		optim.Minimise(adam, store.Scope(tuneScope+"/adam"), loss, trainable(pruned))
		for _, m := range masks {
			// Not by a product, which would leave -0 behind: no zero to Sparse.
			weights := m.weights.NodeValue(loss)
			m.weights.SetNodeValue(Where(ConvertDType(m.kept.NodeValue(loss), dtypes.Bool), weights, ZerosLike(weights)))
		}
		return loss
	})
	if err != nil {
		return nil, fmt.Errorf("tuning: %w", err)
	}
	defer student.Finalize()

	var losses []float64
	for step := range o.Steps {
		if err := ctx.Err(); err != nil {
			return losses, err
		}
		loss, err := tuneStep(teacher, student, pruned, o, step)
		if err != nil {
			return losses, fmt.Errorf("tuning, step %d: %w", step+1, err)
		}
		losses = append(losses, loss)
		if o.Progress != nil {
			o.Progress(step+1, loss)
		}
	}
	return losses, nil
}

// tuneStep draws latents, asks the teacher for their images, which stay on the device, and updates the student.
func tuneStep(teacher, student *model.Exec, pruned *train.Generator, o TuneOptions, step int) (float64, error) {
	z := train.Latents(o.BatchSize, pruned.Latent(), o.Seed+int64(step))
	question := []any{tensors.FromFlatDataAndDimensions(z, o.BatchSize, pruned.Latent())}
	var classes []any
	if pruned.Classes() > 0 {
		each := make([]int32, o.BatchSize)
		for i := range each {
			each[i] = int32((step + i) % pruned.Classes())
		}
		classes = append(classes, tensors.FromFlatDataAndDimensions(each, o.BatchSize))
	}
	images, err := teacher.Call1(append(question, classes...)...)
	if err != nil {
		return 0, err
	}
	defer images.MustFinalizeAll()
	out, err := student.Call1(append(append(question, images), classes...)...)
	if err != nil {
		return 0, err
	}
	defer out.MustFinalizeAll()
	return float64(tensors.ToScalar[float32](out)), nil
}

// labels is the input at place i, nil where there is none.
func labels(inputs []*Node, i int) *Node {
	if i < len(inputs) {
		return inputs[i]
	}
	return nil
}

// masked is a variable of the network and that of its mask.
type masked struct{ weights, kept *model.Variable }

// maskVariables puts the mask on the device.
func maskVariables(g *train.Generator, mask Mask) ([]masked, error) {
	var all []masked
	for _, name := range slices.Sorted(maps.Keys(mask)) {
		v := g.Store().GetVariable(g.Scope() + "/" + name)
		if v == nil || v.Shape().Size() != len(mask[name]) {
			return nil, fmt.Errorf("the mask belongs to other weights: it has %d values for %s", len(mask[name]), name)
		}
		kept, err := g.Store().CreateVariable(tuneScope+"/mask/"+name,
			tensors.FromFlatDataAndDimensions(mask[name], v.Shape().Dimensions...))
		if err != nil {
			return nil, fmt.Errorf("mask of %s: %w", name, err)
		}
		all = append(all, masked{v, kept.SetTrainable(false)})
	}
	return all, nil
}

// trainable lists the trainable weights of a generator.
func trainable(g *train.Generator) []*model.Variable {
	var variables []*model.Variable
	for v := range g.Store().IterVariables() {
		if v.Trainable && strings.HasPrefix(v.Path(), g.Scope()+"/") {
			variables = append(variables, v)
		}
	}
	return variables
}
