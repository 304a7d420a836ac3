package gan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Trainer runs the steps of one experiment. It is not safe for concurrent use.
//
// The data set, the weights, the optimizer state and the random state live on the device; each step's new state takes
// the place of the old (its buffers are donated), and only the two losses come back.
type Trainer struct {
	exp     Experiment // with defaults filled in
	backend compute.Backend
	store   *model.Store
	exec    *model.Exec
	sampler *Generator
	images  int // in the data set

	step   int     // steps done since the experiment began
	epoch  int     // the epoch that order belongs to
	order  []int32 // the data set's rows in the order of that epoch
	failed error   // why the state on the device can no longer be trusted
}

// Progress is what one step reports.
type Progress struct {
	Step  int // steps done since the experiment began, this one included
	Epoch int // passes through the data set completed before this step began

	// EpochEnd is true for the last step of an epoch. An epoch has ⌊images / (BatchSize·CriticSteps)⌋ steps.
	EpochEnd bool

	CriticLoss    float64
	GeneratorLoss float64

	// StepsPerSecond is the mean rate since this call of Train, its first step (compilation) left out; 0 at first.
	StepsPerSecond float64
}

// String is the article's per-epoch line, "epoch [D: critic loss G: generator loss]".
func (p Progress) String() string {
	return fmt.Sprintf("%d [D: %.4f G: %.4f]", p.Epoch, p.CriticLoss, p.GeneratorLoss)
}

// NewTrainer loads the data set, moves it to the device, compiles the step and draws the initial weights from the seed.
func NewTrainer(backend compute.Backend, exp Experiment) (*Trainer, error) {
	return newTrainer(backend, exp, nil)
}

// newTrainer is NewTrainer with another source of latents than the random state in the store.
func newTrainer(backend compute.Backend, exp Experiment, latents func(*graph.Graph) *graph.Node) (*Trainer, error) {
	exp = exp.withDefaults()
	if err := exp.validate(); err != nil {
		return nil, err
	}
	images, err := exp.Data.Load()
	if err != nil {
		return nil, err
	}
	if images.N < exp.BatchSize*exp.CriticSteps {
		return nil, fmt.Errorf("experiment %q: a step needs %d images (BatchSize·CriticSteps) and %s has %d",
			exp.Name, exp.BatchSize*exp.CriticSteps, exp.Data.Name, images.N)
	}

	t := &Trainer{exp: exp, backend: backend, store: model.NewStore(), images: images.N, epoch: -1}
	if err := t.store.SetRNGStateFromSeed(exp.Seed); err != nil {
		return nil, fmt.Errorf("random state: %w", err)
	}
	pixels := tensors.FromFlatDataAndDimensions(images.Pixels, images.N, images.Height, images.Width, images.Channels)
	imagesVar, err := t.store.CreateVariable(dataScope+"/images", pixels)
	if err != nil {
		return nil, fmt.Errorf("data set: %w", err)
	}
	imagesVar.SetTrainable(false)

	if latents == nil {
		latents = func(g *graph.Graph) *graph.Node {
			return t.store.RandomNormal(g, shapes.Make(dtypes.Float32, exp.BatchSize, exp.Latent))
		}
	}
	builder := &step{Experiment: exp, store: t.store, images: imagesVar, latents: latents}
	t.exec, err = model.NewExec(backend, t.store, func(_ *model.Scope, rows *graph.Node) *graph.Node {
		return builder.build(rows)
	})
	if err == nil {
		_, err = t.exec.Compile(shapes.Make(dtypes.Int32, exp.CriticSteps, exp.BatchSize))
	}
	if err == nil {
		err = t.store.InitializeVariables(backend, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("experiment %q cannot be compiled: %w", exp.Name, err)
	}
	if t.sampler, err = newGenerator(backend, exp, t.store); err != nil {
		return nil, err
	}
	return t, nil
}

// Experiment returns the experiment with its defaults filled in.
func (t *Trainer) Experiment() Experiment { return t.exp }

// Step returns the number of steps done since the experiment began, those before a resume included.
func (t *Trainer) Step() int { return t.step }

// StepsPerEpoch returns how many steps pass once through the data set; what is left over is dropped.
func (t *Trainer) StepsPerEpoch() int { return t.images / (t.exp.BatchSize * t.exp.CriticSteps) }

// Train runs n more steps and yields the progress of each. It ends early, yielding the error, when ctx ends (the state
// is then that of the last step yielded) or when a loss is no longer a finite number.
func (t *Trainer) Train(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if n < 0 {
			yield(Progress{Step: t.step}, fmt.Errorf("cannot train for %d steps", n))
			return
		}
		var begin time.Time // when the first step of this call was done
		for done := range n {
			if err := ctx.Err(); err != nil {
				yield(Progress{Step: t.step}, err)
				return
			}
			p, err := t.runStep()
			if done == 0 {
				begin = time.Now()
			} else {
				p.StepsPerSecond = float64(done) / time.Since(begin).Seconds()
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (t *Trainer) runStep() (Progress, error) {
	p := Progress{Step: t.step, Epoch: t.step / t.StepsPerEpoch()}
	if t.failed != nil {
		return p, t.failed
	}
	losses, err := t.exec.Call(t.nextRows())
	if err != nil {
		// The old state's buffers were given away and the new state never came.
		t.failed = fmt.Errorf("step %d failed and the state on the device is lost; restore a checkpoint: %w",
			t.step+1, err)
		return p, t.failed
	}
	values, err := tensors.CopyFlatData[float32](losses[0])
	if err = errors.Join(err, losses[0].FinalizeAll()); err != nil {
		t.failed = fmt.Errorf("step %d: reading its losses: %w", t.step+1, err)
		return p, t.failed
	}
	t.step++
	p.Step, p.EpochEnd = t.step, t.step%t.StepsPerEpoch() == 0
	p.CriticLoss, p.GeneratorLoss = float64(values[0]), float64(values[1])
	if sum := p.CriticLoss + p.GeneratorLoss; math.IsNaN(sum) || math.IsInf(sum, 0) {
		t.failed = fmt.Errorf("step %d: critic loss %g and generator loss %g are no longer finite; lower the rates, "+
			"or restore a checkpoint from before", t.step, p.CriticLoss, p.GeneratorLoss)
		return p, t.failed
	}
	return p, nil
}

// nextRows returns the rows of the data set that the next step uses, [CriticSteps, BatchSize] int32. They depend on the
// seed and the step alone, so a resumed run sees the batches it would have seen.
func (t *Trainer) nextRows() *tensors.Tensor {
	perStep := t.exp.BatchSize * t.exp.CriticSteps
	if epoch := t.step / t.StepsPerEpoch(); epoch != t.epoch {
		random := rand.New(rand.NewPCG(uint64(t.exp.Seed), uint64(epoch)))
		t.order = make([]int32, t.images)
		for i := range t.order {
			t.order[i] = int32(i)
		}
		random.Shuffle(len(t.order), func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
		t.epoch = epoch
	}
	first := t.step % t.StepsPerEpoch() * perStep
	return tensors.FromFlatDataAndDimensions(t.order[first:first+perStep], t.exp.CriticSteps, t.exp.BatchSize)
}
