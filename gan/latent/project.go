package latent

import (
	"context"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// ProjectOptions say how Project searches. The zero value of every field is the documented default.
type ProjectOptions struct {
	Steps    int     // gradient steps; default 300
	Rate     float64 // Adam's rate for the components of z; default 0.05
	Restarts int     // random starts per target, of which the best is kept; default 4
	Prior    float64 // weight λ of the prior on z; default 1e-3. A negative value means 0, none
	Seed     int64   // of the starts

	// Mask tells which pixels of the targets are known, [height, width] for all targets or [n, height, width]: 1 known, 0
	// unknown, or any weight between. Nil means that all are known.
	Mask []float32

	// Shrink is the factor by which the targets are smaller than the generator's images, which are averaged over windows
	// of Shrink×Shrink before they are compared; default 1.
	Shrink int

	// Classes are those of the targets, one each; required for a conditional generator, nil for any other.
	Classes []int32

	// Progress, where it is set, is called after every step with the number of steps done and the mean over the targets of
	// the smallest objective among their starts.
	Progress func(step int, loss float64)
}

func (o ProjectOptions) withDefaults() ProjectOptions {
	if o.Steps == 0 {
		o.Steps = 300
	}
	if o.Rate == 0 {
		o.Rate = 0.05
	}
	if o.Restarts == 0 {
		o.Restarts = 4
	}
	if o.Prior == 0 {
		o.Prior = 1e-3
	}
	if o.Shrink == 0 {
		o.Shrink = 1
	}
	return o
}

// Projection is what Project found.
type Projection struct {
	Z      []float32     // [n, latent], the best latent of each target
	Images sample.Images // the generator's images of Z, in the generator's size
	Errors []float64     // per target: the weighted mean squared difference over its known pixels
	Loss   []float64     // per step: the mean over the targets of the smallest objective among their starts
}

// Project looks for the latents whose images are nearest to the targets, by gradient descent on z with the generator's
// weights held fixed. All targets and starts are one batch of one compiled step, which minimises for each of them
//
//	Σ m·(A(G(z)) - x)² / Σ m  +  λ·mean(z²)
//
// with m the mask, A the averaging of ProjectOptions.Shrink, and λ·mean(z²), up to constants -log N(z; 0, I), the
// prior that keeps z where the generator was trained. targets: [n, height, width, channels] in the range of the
// generator's images. The objective has many local minima, hence the restarts.
//
// It ends early with ctx's error when ctx ends.
//
// Zhu et al., "Generative visual manipulation on the natural image manifold", 2016, arXiv:1609.03552; Yeh et al.,
// "Semantic image inpainting with deep generative models", 2016, arXiv:1607.07539; Menon et al., "PULSE", 2020,
// arXiv:2003.03808.
func Project(ctx context.Context, generator *train.Generator, targets sample.Images, options ProjectOptions) (Projection, error) {
	options = options.withDefaults()
	targets = targets.Seen()
	mask, err := options.check(generator, targets)
	if err != nil {
		return Projection{}, err
	}
	own, err := generator.Clone() // the search keeps its state beside the weights
	if err != nil {
		return Projection{}, fmt.Errorf("projection: %w", err)
	}
	defer own.Store().Finalize()
	search, err := newSearch(own, targets, mask, options)
	if err != nil {
		return Projection{}, fmt.Errorf("projection: %w", err)
	}
	defer search.exec.Finalize()

	var found Projection
	best := make([]int, targets.N) // the start of each target with the smallest objective
	for step := range options.Steps {
		if err := ctx.Err(); err != nil {
			return Projection{}, err
		}
		objectives, err := search.step()
		if err != nil {
			return Projection{}, fmt.Errorf("projection, step %d: %w", step+1, err)
		}
		var sum float64
		for i := range best {
			for start := range options.Restarts {
				if row := i*options.Restarts + start; start == 0 || objectives[row] < objectives[best[i]] {
					best[i] = row
				}
			}
			sum += float64(objectives[best[i]])
		}
		found.Loss = append(found.Loss, sum/float64(targets.N))
		if options.Progress != nil {
			options.Progress(step+1, found.Loss[step])
		}
	}

	all, err := tensors.CopyFlatData[float32](search.z.MustValue())
	if err != nil {
		return Projection{}, fmt.Errorf("projection: %w", err)
	}
	for _, row := range best {
		found.Z = append(found.Z, all[row*generator.Latent():(row+1)*generator.Latent()]...)
	}
	if found.Images, err = generator.GenerateClasses(found.Z, options.Classes); err != nil {
		return Projection{}, err
	}
	found.Errors = differences(found.Images, targets, mask, options.Shrink)
	return found, nil
}

// check returns an error for options that do not fit, and the mask of every target, [n, height, width].
func (o ProjectOptions) check(generator *train.Generator, targets sample.Images) ([]float32, error) {
	size := targets.Height * targets.Width
	switch {
	case targets.N <= 0 || size*targets.Channels <= 0 || len(targets.Values) != targets.N*size*targets.Channels:
		return nil, fmt.Errorf("cannot project %d values as %d images of %d×%d×%d",
			len(targets.Values), targets.N, targets.Height, targets.Width, targets.Channels)
	case o.Steps < 0 || o.Restarts < 0 || o.Shrink < 0 || !(o.Rate > 0):
		return nil, fmt.Errorf("projection: Steps %d, Restarts %d, Shrink %d and Rate %g must be positive",
			o.Steps, o.Restarts, o.Shrink, o.Rate)
	case generator.Classes() > 0 && len(o.Classes) != targets.N:
		return nil, fmt.Errorf("the generator is conditional: give the class of each of the %d targets, not %d",
			targets.N, len(o.Classes))
	case generator.Classes() == 0 && len(o.Classes) > 0:
		return nil, errUnconditional
	case o.Mask != nil && len(o.Mask) != size && len(o.Mask) != targets.N*size:
		return nil, fmt.Errorf("the mask has %d values: want %d for one of %d×%d, or %d for one per target",
			len(o.Mask), size, targets.Height, targets.Width, targets.N*size)
	}
	for _, class := range o.Classes {
		if class < 0 || int(class) >= generator.Classes() {
			return nil, fmt.Errorf("there is no class %d: the generator knows 0 to %d", class, generator.Classes()-1)
		}
	}
	mask := make([]float32, targets.N*size)
	for i := range mask {
		mask[i] = 1
		if o.Mask != nil {
			mask[i] = o.Mask[i%len(o.Mask)]
		}
		if !(mask[i] >= 0 && mask[i] <= 1) {
			return nil, fmt.Errorf("the mask has the value %g: want 0 for unknown to 1 for known", mask[i])
		}
	}
	for i := range targets.N {
		if total(mask[i*size:(i+1)*size]) == 0 {
			return nil, fmt.Errorf("the mask leaves no pixel of target %d known", i)
		}
	}
	return mask, nil
}

// search is the compiled step over all starts of all targets: target i's starts are rows i·Restarts and on.
type search struct {
	exec   *model.Exec
	z      *model.Variable // [n·Restarts, latent]
	inputs []any           // targets, mask and, for a conditional generator, classes
}

func newSearch(own *train.Generator, targets sample.Images, mask []float32, o ProjectOptions) (*search, error) {
	rows := targets.N * o.Restarts
	size := targets.Height * targets.Width
	var pixels, masks []float32
	var classes []int32
	for i := range targets.N {
		for range o.Restarts {
			pixels = append(pixels, targets.Values[i*size*targets.Channels:(i+1)*size*targets.Channels]...)
			masks = append(masks, mask[i*size:(i+1)*size]...)
			if own.Classes() > 0 {
				classes = append(classes, o.Classes[i])
			}
		}
	}
	s := &search{inputs: []any{
		tensors.FromFlatDataAndDimensions(pixels, rows, targets.Height, targets.Width, targets.Channels),
		tensors.FromFlatDataAndDimensions(masks, rows, targets.Height, targets.Width, 1),
	}}
	if own.Classes() > 0 {
		s.inputs = append(s.inputs, tensors.FromFlatDataAndDimensions(classes, rows))
	}
	store := own.Store()
	starts := train.Latents(rows, own.Latent(), o.Seed)
	var err error
	s.z, err = store.CreateVariable("/projection/z", tensors.FromFlatDataAndDimensions(starts, rows, own.Latent()))
	if err != nil {
		return nil, err
	}
	adam := optim.Adam{Rate: o.Rate, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	s.exec, err = model.NewExec(own.Backend(), store, func(_ *model.Scope, inputs []*Node) *Node {
		var labels *Node
		if len(inputs) > 2 {
			labels = inputs[2]
		}
		z := s.z.NodeValue(inputs[0])
		images := own.Build(z, labels)
		objective := misfit(average(images, o.Shrink), inputs[0], inputs[1])
		if o.Prior > 0 {
			objective = Add(objective, MulScalar(ReduceMean(Square(z), 1), o.Prior))
		}
		// The rows do not touch each other, so the gradient of the sum is each one's own.
		optim.Minimise(adam, store.Scope("/projection/adam"), ReduceAllSum(objective), []*model.Variable{s.z})
		return objective
	})
	return s, err
}

// step runs one step and returns the objective of every row before it.
func (s *search) step() ([]float32, error) {
	out, err := s.exec.Call1(s.inputs...)
	if err != nil {
		return nil, err
	}
	defer out.MustFinalizeAll()
	return tensors.CopyFlatData[float32](out)
}

// misfit is each row's weighted mean squared difference, [rows]. images, targets: [rows, height, width, channels]; mask:
// [rows, height, width, 1].
func misfit(images, targets, mask *Node) *Node {
	if !images.Shape().Equal(targets.Shape()) {
		panic(fmt.Errorf("the targets are %s and the generator makes %s to compare with them; see ProjectOptions.Shrink",
			targets.Shape(), images.Shape()))
	}
	squares := ReduceAndKeep(Square(Sub(images, targets)), ReduceMean, 3)
	return Div(ReduceSum(Mul(squares, mask), 1, 2, 3), ReduceSum(mask, 1, 2, 3))
}

// average is the mean over windows of factor×factor pixels. x: [batch, height, width, channels]; the result: [batch,
// height/factor, width/factor, channels].
func average(x *Node, factor int) *Node {
	if factor == 1 {
		return x
	}
	d := x.Shape().Dimensions
	if d[1]%factor != 0 || d[2]%factor != 0 {
		panic(fmt.Errorf("images of %d×%d cannot be shrunk by %d: want a common divisor", d[1], d[2], factor))
	}
	return ReduceMean(Reshape(x, d[0], d[1]/factor, factor, d[2]/factor, factor, d[3]), 2, 4)
}

// differences is misfit in Go, per target.
func differences(images, targets sample.Images, mask []float32, shrink int) []float64 {
	errors := make([]float64, targets.N)
	size := targets.Height * targets.Width
	for i := range errors {
		for pixel := range size {
			var squares float64
			for c := range targets.Channels {
				difference := windowMean(images, i, pixel/targets.Width, pixel%targets.Width, c, shrink) -
					float64(targets.Values[(i*size+pixel)*targets.Channels+c])
				squares += difference * difference
			}
			errors[i] += squares / float64(targets.Channels) * float64(mask[i*size+pixel])
		}
		errors[i] /= total(mask[i*size : (i+1)*size])
	}
	return errors
}

// windowMean is one value of average.
func windowMean(images sample.Images, i, y, x, c, factor int) float64 {
	var sum float64
	for dy := range factor {
		for dx := range factor {
			sum += float64(images.Values[((i*images.Height+y*factor+dy)*images.Width+x*factor+dx)*images.Channels+c])
		}
	}
	return sum / math.Pow(float64(factor), 2)
}

func total(values []float32) float64 {
	var sum float64
	for _, v := range values {
		sum += float64(v)
	}
	return sum
}
