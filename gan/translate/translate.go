// Package translate trains networks from images to images: to take noise away, fill in what is missing, or double the
// size.
//
// An [Experiment] names a data set of good images and a [Degradation] of them; the network learns the way back from the
// pairs. Two terms teach it: the mean absolute difference from the good image, which alone gives blurred images, the mean
// of all that fit, and a critic that sees the damaged image and its restoration side by side, and tells good images from
// restored ones (pix2pix):
//
//	L_N = L_G(D(x, N(x))) + λ·mean |N(x) - y|,    L_D as for any GAN with D(x, y) real and D(x, N(x)) fake
//
// Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", 2017, arXiv:1611.07004.
//
// gan/latent does the same work with a generator that is already trained and never saw a damaged image.
package translate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/sample"
)

// Experiment describes what is trained. The zero value of every optional field is the documented default.
type Experiment struct {
	Data    data.Set    // good images; required
	Degrade Degradation // required

	// Network maps damaged images to good ones, [batch, height, width, channels]; required. net.Restorer and
	// net.SuperResolver are two.
	Network gan.Network

	// Critic maps a damaged and a good image, joined along the channels, to a logit: [batch, height, width, 2·channels] to
	// [batch, 1]. Default nil: no critic, the absolute difference alone.
	Critic gan.Network

	Loss     loss.Loss // of the critic's game; default loss.NonSaturating
	L1Weight float64   // λ; default 100

	NetworkAdam gan.Adam // default rate 2e-4, beta1 0.5
	CriticAdam  gan.Adam // default as NetworkAdam

	BatchSize int   // default 16
	Seed      int64 // of weights, batches and damage
}

func (e Experiment) withDefaults() Experiment {
	if e.Loss == nil {
		e.Loss = loss.NonSaturating
	}
	if e.L1Weight == 0 {
		e.L1Weight = 100
	}
	for _, adam := range []*gan.Adam{&e.NetworkAdam, &e.CriticAdam} {
		if adam.Rate == 0 {
			adam.Rate = 2e-4
		}
		if adam.Beta1 == 0 {
			adam.Beta1 = 0.5
		}
	}
	if e.BatchSize == 0 {
		e.BatchSize = 16
	}
	return e
}

func (e Experiment) validate() error {
	switch {
	case e.Data.Load == nil:
		return errors.New("translation has no Data")
	case e.Degrade == nil || e.Network == nil:
		return errors.New("translation needs a Degrade and a Network")
	case e.BatchSize < 0 || !(e.L1Weight > 0):
		return fmt.Errorf("translation: BatchSize %d and L1Weight %g must be positive", e.BatchSize, e.L1Weight)
	}
	return nil
}

// Trainer trains the network of one experiment. It is not safe for concurrent use.
type Trainer struct {
	exp     Experiment // with defaults filled in
	backend compute.Backend
	store   *model.Store
	step    *model.Exec
	apply   *model.Exec
	degrade *model.Exec
	images  int // in the data set
	height  int // of the good images
	width   int
	depth   int
	steps   int   // done
	failed  error // why the state can no longer be trusted
}

// Progress is what one step reports.
type Progress struct {
	Step        int     // steps done, this one included
	CriticLoss  float64 // 0 without a critic
	NetworkLoss float64 // both terms
	L1          float64 // mean |N(x) - y| of the step's batch
}

// String is "step [D: critic loss N: network loss L1: difference]".
func (p Progress) String() string {
	return fmt.Sprintf("%d [D: %.4f N: %.4f L1: %.4f]", p.Step, p.CriticLoss, p.NetworkLoss, p.L1)
}

// NewTrainer loads the data set, compiles the step and draws the first weights from the seed.
func NewTrainer(backend compute.Backend, exp Experiment) (*Trainer, error) {
	return newTrainer(backend, exp, nil)
}

// newTrainer is NewTrainer with weights that were kept, if any.
func newTrainer(backend compute.Backend, exp Experiment, kept []keptValue) (*Trainer, error) {
	exp = exp.withDefaults()
	if err := exp.validate(); err != nil {
		return nil, err
	}
	images, err := exp.Data.Load()
	if err != nil {
		return nil, err
	}
	if images.Alphabet != nil {
		return nil, errors.New("translation needs images, and the data set is a text")
	}
	t := &Trainer{exp: exp, backend: backend, store: model.NewStore(), images: images.N, height: images.Height, width: images.Width,
		depth: images.Channels}
	if err := t.store.SetRNGStateFromSeed(exp.Seed); err != nil {
		return nil, fmt.Errorf("random state: %w", err)
	}
	if err := t.compile(images, kept); err != nil {
		return nil, fmt.Errorf("translation by %v cannot be compiled: %w", exp.Degrade, err)
	}
	return t, nil
}

// compile makes the three graphs: the step, the network by itself, and the damage by itself. Variables that were not kept
// begin with weights from the seed.
func (t *Trainer) compile(images *sample.Images, kept []keptValue) error {
	backend := t.backend
	dims := []int{images.N, images.Height, images.Width, images.Channels}
	var values *tensors.Tensor
	if images.Values != nil {
		values = tensors.FromFlatDataAndDimensions(images.Values, dims...)
	} else {
		values = tensors.FromFlatDataAndDimensions(images.Pixels, dims...)
	}
	set, err := t.store.CreateVariable(dataPath, values)
	if err != nil {
		return err
	}
	set.SetTrainable(false)
	builder := &builder{Experiment: t.exp, store: t.store, images: set}
	t.step, err = model.NewExec(backend, t.store, func(_ *model.Scope, rows *graph.Node) *graph.Node { return builder.step(rows) })
	if err != nil {
		return err
	}
	if _, err = t.step.Compile(shapes.Make(dtypes.Int32, t.exp.BatchSize, 1)); err != nil {
		return err
	}
	if err = t.restore(kept); err != nil {
		return err
	}
	if err = t.store.InitializeVariables(backend, nil); err != nil {
		return err
	}
	t.apply, err = model.NewExec(backend, t.store, func(_ *model.Scope, x *graph.Node) *graph.Node {
		t.store.SetTraining(x.Graph(), false)
		return t.exp.Network(t.store.Scope(networkScope), x)
	})
	if err != nil {
		return err
	}
	t.degrade, err = model.NewExec(backend, t.store, func(_ *model.Scope, x *graph.Node) *graph.Node {
		return t.exp.Degrade.Apply(x, random{t.store, x.Graph()})
	})
	return err
}

// Step returns the number of steps done.
func (t *Trainer) Step() int { return t.steps }

// Train runs n more steps and yields the progress of each. It ends early, yielding the error, when ctx ends or when a
// loss is no longer a finite number.
func (t *Trainer) Train(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if n < 0 {
			yield(Progress{Step: t.steps}, fmt.Errorf("cannot train for %d steps", n))
			return
		}
		for range n {
			if err := ctx.Err(); err != nil {
				yield(Progress{Step: t.steps}, err)
				return
			}
			p, err := t.run()
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (t *Trainer) run() (Progress, error) {
	p := Progress{Step: t.steps}
	if t.failed != nil {
		return p, t.failed
	}
	rows := make([]int32, t.exp.BatchSize)
	draw := rand.New(rand.NewPCG(uint64(t.exp.Seed), uint64(t.steps)))
	for i := range rows {
		rows[i] = int32(draw.IntN(t.images))
	}
	out, err := t.step.Call1(tensors.FromFlatDataAndDimensions(rows, t.exp.BatchSize, 1))
	if err != nil {
		t.failed = fmt.Errorf("step %d failed and the state on the device is lost: %w", t.steps+1, err)
		return p, t.failed
	}
	defer out.MustFinalizeAll()
	losses, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		t.failed = fmt.Errorf("step %d: reading its losses: %w", t.steps+1, err)
		return p, t.failed
	}
	t.steps++
	p = Progress{t.steps, float64(losses[0]), float64(losses[1]), float64(losses[2])}
	if sum := p.CriticLoss + p.NetworkLoss; math.IsNaN(sum) || math.IsInf(sum, 0) {
		t.failed = fmt.Errorf("step %d: critic loss %g and network loss %g are no longer finite; lower the rates",
			t.steps, p.CriticLoss, p.NetworkLoss)
	}
	return p, t.failed
}

// Apply restores damaged images: it runs the network in inference mode.
func (t *Trainer) Apply(damaged sample.Images) (sample.Images, error) {
	if t.failed != nil {
		return sample.Images{}, t.failed
	}
	return call(t.apply, "restoring", damaged)
}

// Degrade damages good images as the experiment says. Random damage is other damage at each call.
func (t *Trainer) Degrade(good sample.Images) (sample.Images, error) {
	if good.Height != t.height || good.Width != t.width || good.Channels != t.depth {
		return sample.Images{}, fmt.Errorf("images of %d×%d×%d are not as those of the data set, %d×%d×%d",
			good.Height, good.Width, good.Channels, t.height, t.width, t.depth)
	}
	return call(t.degrade, "damaging", good)
}

// Finalize frees what the trainer holds on the device. It cannot be used afterwards.
func (t *Trainer) Finalize() {
	t.step.Finalize()
	t.apply.Finalize()
	t.degrade.Finalize()
	t.store.Finalize()
	t.failed = errors.New("the trainer is finalized")
}

// call runs exec on images and returns the images it makes.
func call(exec *model.Exec, doing string, images sample.Images) (sample.Images, error) {
	images = images.Seen()
	if images.N <= 0 || len(images.Values) != images.N*images.Height*images.Width*images.Channels {
		return sample.Images{}, fmt.Errorf("%s: %d values are no %d images of %d×%d×%d", doing, len(images.Values), images.N,
			images.Height, images.Width, images.Channels)
	}
	out, err := exec.Call1(tensors.FromFlatDataAndDimensions(images.Values, images.N, images.Height, images.Width, images.Channels))
	if err != nil {
		return sample.Images{}, fmt.Errorf("%s: %w", doing, err)
	}
	defer out.MustFinalizeAll()
	pixels, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return sample.Images{}, fmt.Errorf("%s: %w", doing, err)
	}
	d := out.Shape().Dimensions
	return sample.Images{Values: pixels, N: d[0], Height: d[1], Width: d[2], Channels: d[3]}, nil
}
