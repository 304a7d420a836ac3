package gan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"gantry.local/gan/sample"
)

// Trainer runs the steps of one experiment. It is not safe for concurrent use.
//
// The data set, the weights, the optimizer state and the random state live on the device; each step's new state takes
// the place of the old (its buffers are donated), and only a few numbers come back.
type Trainer struct {
	exp      Experiment // with defaults filled in
	backend  compute.Backend
	store    *model.Store
	builder  step
	execs    map[updates]*model.Exec
	sampler  *Generator
	logits   *model.Exec // of given images, made when first asked for
	slopes   *model.Exec // by given images, likewise
	private  *private    // nil without Privacy
	images   int         // in the data set
	settings []float64   // in the order of Experiment.settingNames

	step   int     // steps done since the experiment began
	calls  int     // calls of a compiled step so far: steps, and updates of one network alone
	epoch  int     // the epoch that order belongs to
	order  []int32 // the data set's rows in the order of that epoch
	good   string  // the last checkpoint saved or restored
	drawn  bool    // whether the weights have their initial values, or those of a checkpoint
	failed error   // why the state on the device can no longer be trusted

	// Of a trainer that a notebook has kept:
	pending  *keptTrainer             // what it is built from when it is first used; nil once it is
	restored map[string]restoredValue // by path: what the variables were given
	identity *Signature               // of the experiment; nil where it was not looked at yet
}

// Progress is what one step reports.
type Progress struct {
	Step  int // steps done since the experiment began, this one included
	Epoch int // passes through the data set completed before this step began

	// EpochEnd is true for the last step of an epoch. An epoch has ⌊images / (BatchSize·CriticSteps)⌋ steps.
	EpochEnd bool

	CriticLoss    float64 // of the step's last critic update, without penalties
	GeneratorLoss float64

	Penalty                    float64 // weighted sum of the penalties; 0 in a step without them
	RealLogit, FakeLogit       float64 // the critic's mean logits before its last update
	RealAccuracy, FakeAccuracy float64 // shares of reals with a logit above 0, and of fakes with one below
	CriticGradient             float64 // norm of the critic's whole gradient, before clipping
	GeneratorGradient          float64

	// StepsPerSecond is the mean rate since this call of Train, its first step (compilation) left out; 0 at first.
	StepsPerSecond float64
}

// String is the article's per-epoch line, "epoch [D: critic loss G: generator loss]".
func (p Progress) String() string {
	return fmt.Sprintf("%d [D: %.4f G: %.4f]", p.Epoch, p.CriticLoss, p.GeneratorLoss)
}

// NewTrainer loads the data set, moves it to the device and compiles the step. The initial weights are drawn from the seed when
// they are first needed, which is never where a checkpoint is restored.
func NewTrainer(backend compute.Backend, exp Experiment) (*Trainer, error) {
	return newTrainer(backend, exp, nil)
}

// newTrainer is NewTrainer with another source of latents than the step's random state.
func newTrainer(backend compute.Backend, exp Experiment, latents func(*graph.Graph) *graph.Node) (*Trainer, error) {
	exp = exp.withDefaults()
	if err := exp.validate(); err != nil {
		return nil, err
	}
	images, err := exp.Data.Load()
	if err != nil {
		return nil, err
	}
	if exp.Classes == 0 {
		exp.Classes = images.Classes()
	}
	if err := exp.fits(images); err != nil {
		return nil, err
	}

	if exp.Privacy.on() {
		if err := exp.separate(backend, images); err != nil {
			return nil, fmt.Errorf("experiment %q: %w", exp.Name, err)
		}
	}
	t := &Trainer{exp: exp, backend: backend, images: images.N, epoch: -1, settings: exp.initialSettings()}
	if exp.Privacy.on() {
		t.private = newPrivate()
	}
	return t, t.build(images, latents, nil, t.compile)
}

// build makes all that computes. The variables have the given values, if any. Meanwhile, which may be nil, runs while those
// and the data set are copied to the device.
func (t *Trainer) build(images *sample.Images, latents func(*graph.Graph) *graph.Node, values []keptValue, meanwhile func() error) error {
	exp := t.exp
	t.store, t.execs = model.NewStore(), map[updates]*model.Exec{}
	if err := t.store.SetRNGStateFromSeed(exp.Seed); err != nil {
		return fmt.Errorf("random state: %w", err)
	}
	t.builder = step{Experiment: exp, store: t.store, latents: latents, depth: images.Depth(), oneHot: images.Alphabet != nil}
	moved, restored := t.moveToDevice(images), t.restore(values)
	var err error
	if meanwhile != nil {
		err = meanwhile()
	}
	for _, wait := range []func() error{moved, restored} {
		if failed := wait(); err == nil {
			err = failed
		}
	}
	if err != nil {
		return fmt.Errorf("experiment %q cannot be compiled: %w", exp.Name, err)
	}
	scope := generatorScope
	if exp.EMA > 0 {
		scope = averageScope
	}
	t.sampler, err = newGenerator(t.backend, exp, t.store, scope)
	return err
}

// usable tells why the state cannot be used. One that is new gets its initial values first, and one that a notebook has kept
// those that it had.
func (t *Trainer) usable() error {
	if err := t.open(nil); err != nil {
		return err
	}
	if t.failed == nil {
		t.failed = t.draw()
	}
	return t.failed
}

// draw gives the state its initial values, where it has none.
func (t *Trainer) draw() error {
	if t.drawn {
		return nil
	}
	err := t.store.InitializeVariables(t.backend, nil)
	if err == nil {
		err = t.beginAverages(nil)
	}
	if err != nil {
		return fmt.Errorf("experiment %q has no initial weights: %w", t.exp.Name, err)
	}
	t.drawn = true
	return nil
}

// compile compiles the step that runs first.
func (t *Trainer) compile() error {
	t.execs = map[updates]*model.Exec{}
	return t.compileFor(updates{critic: true, generator: true, penalties: len(t.exp.Penalties) > 0})
}

// compileFor compiles the step that makes the given updates.
func (t *Trainer) compileFor(u updates) error {
	u.critic = u.critic && t.private == nil
	exec, err := t.exec(u)
	if err == nil {
		_, err = exec.Compile(shapes.Make(dtypes.Int32, t.exp.CriticSteps, t.exp.BatchSize), graph.RNGStateShape, t.exp.settingsShape())
	}
	if err == nil && t.private != nil { // with all variables there, so that what must keep its value is known
		err = t.private.compile(t)
	}
	return err
}

// fits reports what of the experiment the data set has no room for.
func (e Experiment) fits(images *sample.Images) error {
	switch {
	case e.BatchSize > images.N/e.CriticSteps:
		return fmt.Errorf("experiment %q: a step needs %g images (BatchSize·CriticSteps) and %s has %d",
			e.Name, float64(e.BatchSize)*float64(e.CriticSteps), e.Data.Name, images.N)
	case e.needsLabels() && images.Labels == nil:
		return fmt.Errorf("experiment %q is class-conditional and %s has no labels", e.Name, e.Data.Name)
	case e.needsLabels() && e.Classes < images.Classes():
		return fmt.Errorf("experiment %q: Classes is %d and %s has %d", e.Name, e.Classes, e.Data.Name, images.Classes())
	}
	return nil
}

func (e Experiment) needsLabels() bool { return e.ClassGenerator != nil || e.ClassCritic != nil }

// moveToDevice makes the data set variables of the store that no step changes, and begins to copy it to the device. The
// function it returns waits until it is there.
func (t *Trainer) moveToDevice(images *sample.Images) (wait func() error) {
	var samples any = images.Pixels
	dtype := dtypes.Uint8
	if images.Values != nil {
		samples, dtype = images.Values, dtypes.Float32
	}
	var arriving []func() error
	move := func(name string, flat any, shape shapes.Shape) *model.Variable {
		v := t.store.VariableWithShape(dataScope+"/"+name, shape, initializer.Zero).SetTrainable(false)
		arrived := make(chan error, 1)
		var buffer compute.Buffer
		go func() {
			var err error
			buffer, err = t.backend.BufferFromFlatData(0, flat, shape)
			arrived <- err
		}()
		arriving = append(arriving, func() error {
			if err := <-arrived; err != nil {
				return err
			}
			value, err := tensors.FromBuffer(buffer)
			if err != nil {
				return err
			}
			return v.SetValue(value)
		})
		return v
	}
	t.builder.images = move("images", samples, shapes.Make(dtype, images.N, images.Height, images.Width, images.Channels))
	if t.exp.needsLabels() {
		t.builder.labels = move("labels", images.Labels, shapes.Make(dtypes.Int32, images.N))
	}
	return func() (err error) {
		for _, arrive := range arriving {
			err = errors.Join(err, arrive())
		}
		if err != nil {
			err = fmt.Errorf("data set: %w", err)
		}
		return err
	}
}

// exec returns the compiled step that makes the given updates.
func (t *Trainer) exec(u updates) (*model.Exec, error) {
	if exec, found := t.execs[u]; found {
		return exec, nil
	}
	exec, err := model.NewExec(t.backend, t.store, func(_ *model.Scope, rows, state, settings *graph.Node) *graph.Node {
		defer panicWithError()
		builder := t.builder // what is current while a graph is built is that graph's own
		builder.updates = u
		return builder.build(rows, state, settings)
	})
	if err == nil {
		t.execs[u] = exec
	}
	return exec, err
}

// panicWithError, deferred, makes any panic of a graph function one with an error, which GoMLX hands to its caller; others
// would end the program.
func panicWithError() {
	switch reason := recover().(type) {
	case nil:
	case error:
		panic(reason)
	default:
		panic(fmt.Errorf("%v", reason))
	}
}

// Experiment returns the experiment with its defaults filled in.
func (t *Trainer) Experiment() Experiment { return t.exp }

// Backend returns the backend that the trainer runs on.
func (t *Trainer) Backend() compute.Backend { return t.backend }

// Step returns the number of steps done since the experiment began, those before a resume included.
func (t *Trainer) Step() int { return t.step }

// StepsPerEpoch returns how many steps pass once through the data set; what is left over is dropped.
func (t *Trainer) StepsPerEpoch() int { return t.images / (t.exp.BatchSize * t.exp.CriticSteps) }

// Train runs n more steps and yields the progress of each. It ends early, yielding the error, when ctx ends (the state
// is then that of the last step yielded) or when a number is no longer finite.
func (t *Trainer) Train(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return t.run(ctx, n, true, true)
}

// StepCritic runs n updates of the critic alone, each on its own real batch. Step stays as it is.
func (t *Trainer) StepCritic(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return t.run(ctx, n, true, false)
}

// StepGenerator runs n updates of the generator alone. Step stays as it is.
func (t *Trainer) StepGenerator(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return t.run(ctx, n, false, true)
}

func (t *Trainer) run(ctx context.Context, n int, critic, generator bool) iter.Seq2[Progress, error] {
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
			p, err := t.runStep(updates{critic: critic, generator: generator,
				penalties: critic && len(t.exp.Penalties) > 0 && t.calls%t.exp.PenaltyEvery == 0})
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

func (t *Trainer) runStep(u updates) (Progress, error) {
	p := Progress{Step: t.step, Epoch: t.calls / t.StepsPerEpoch()}
	err := t.open(func() error { return t.compileFor(u) })
	if err == nil {
		err = t.usable()
	}
	if err != nil {
		return p, err
	}
	report, err := t.call(u)
	if err != nil {
		// The old state's buffers were given away and the new state never came.
		t.failed = fmt.Errorf("step %d failed and the state on the device is lost; restore a checkpoint: %w",
			t.step+1, err)
		return p, t.failed
	}
	t.calls++
	p.EpochEnd = t.calls%t.StepsPerEpoch() == 0
	if u.critic && u.generator {
		t.step++
		p.Step = t.step
	}
	for i, field := range map[int]*float64{
		reportCriticLoss: &p.CriticLoss, reportGeneratorLoss: &p.GeneratorLoss, reportPenalty: &p.Penalty,
		reportRealLogit: &p.RealLogit, reportFakeLogit: &p.FakeLogit,
		reportRealAccuracy: &p.RealAccuracy, reportFakeAccuracy: &p.FakeAccuracy,
		reportCriticGradient: &p.CriticGradient, reportGeneratorGradient: &p.GeneratorGradient,
	} {
		*field = float64(report[i])
	}
	for _, value := range report {
		if v := float64(value); math.IsNaN(v) || math.IsInf(v, 0) {
			t.failed = t.divergence(p)
			return p, t.failed
		}
	}
	if t.exp.Adapt != nil && u.critic {
		const strength = 2 // its place in settings
		images := t.exp.BatchSize
		if u.generator { // a whole step
			images *= t.exp.CriticSteps
		}
		next := t.exp.Adapt.Next(t.settings[strength], float64(report[reportRealSign]), images)
		if math.IsNaN(next) {
			t.failed = fmt.Errorf("step %d: %s makes the augmentation's strength NaN", t.step, t.exp.Adapt)
			return p, t.failed
		}
		t.settings[strength] = min(1, max(0, next))
	}
	return p, nil
}

// call makes the given updates and returns what they report.
func (t *Trainer) call(u updates) (report []float32, err error) {
	switch {
	case t.private == nil:
		return t.execute(u, t.nextRows())
	case u.critic:
		return t.callPrivate(u)
	}
	return t.execute(u, t.noRows())
}

func (t *Trainer) execute(u updates, rows []int32) ([]float32, error) {
	exec, err := t.exec(u)
	if err != nil {
		return nil, err
	}
	out, err := exec.Call1(tensors.FromFlatDataAndDimensions(rows, t.exp.CriticSteps, t.exp.BatchSize),
		randomState(t.exp.Seed, t.calls, 0), t.settingsOfStep())
	if err != nil {
		return nil, err
	}
	report, err := tensors.CopyFlatData[float32](out)
	return report, errors.Join(err, out.FinalizeAll())
}

// divergence is the error of a step whose numbers are no longer finite: it names the step, the first tensor that is not
// finite, and the checkpoint to go back to.
func (t *Trainer) divergence(p Progress) error {
	where := "no weight is affected yet"
	for v := range t.store.IterVariables() {
		if strings.HasPrefix(v.Path(), dataScope+"/") || !v.DType().IsFloat() {
			continue
		}
		value, err := v.Value()
		if err != nil {
			continue
		}
		numbers, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			continue
		}
		bad := 0
		for _, x := range numbers {
			if x != x || x-x != 0 {
				bad++
			}
		}
		if bad > 0 {
			where = fmt.Sprintf("%s has %d of %d values that are not", v.Path()[1:], bad, len(numbers))
			break
		}
	}
	back := "no checkpoint was saved"
	if t.good != "" {
		back = "the last good checkpoint is " + t.good
	}
	return fmt.Errorf("step %d: critic loss %g and generator loss %g, penalty %g, gradients %g and %g are no longer finite; "+
		"%s; lower the rates or add a gradient limit (Adam.ClipNorm), and restore: %s",
		t.step, p.CriticLoss, p.GeneratorLoss, p.Penalty, p.CriticGradient, p.GeneratorGradient, where, back)
}

// nextRows returns the rows of the data set that the next step uses, [CriticSteps, BatchSize] int32. They depend on the
// seed and the number of calls alone, so a resumed run sees the batches it would have seen.
func (t *Trainer) nextRows() []int32 {
	perStep := t.exp.BatchSize * t.exp.CriticSteps
	if epoch := t.calls / t.StepsPerEpoch(); epoch != t.epoch {
		random := rand.New(rand.NewPCG(uint64(t.exp.Seed), uint64(epoch)))
		t.order = make([]int32, t.images)
		for i := range t.order {
			t.order[i] = int32(i)
		}
		random.Shuffle(len(t.order), func(i, j int) { t.order[i], t.order[j] = t.order[j], t.order[i] })
		t.epoch = epoch
	}
	first := t.calls % t.StepsPerEpoch() * perStep
	return t.order[first : first+perStep]
}

// Sample draws n images from latents that depend on the seed alone: image i is the same for every n, on every backend
// up to rounding, and at every step of training shows the same latent. With an EMA the averaged weights are used.
func (t *Trainer) Sample(n int, seed int64) (sample.Images, error) {
	if err := t.usable(); err != nil {
		return sample.Images{}, err
	}
	return t.sampler.Sample(n, seed)
}

// Generate maps latents, [n, latent] row-major, to n images, as Sample does those of a seed. classes are theirs where the
// generator is conditional; nil takes the classes in turn.
func (t *Trainer) Generate(z []float32, classes []int32) (sample.Images, error) {
	if err := t.usable(); err != nil {
		return sample.Images{}, err
	}
	if classes == nil {
		return t.sampler.Generate(z)
	}
	return t.sampler.GenerateClasses(z, classes)
}

// Generator returns a generator with a copy of the weights that Sample uses, which goes on where the trainer's change.
func (t *Trainer) Generator() (*Generator, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	return t.sampler.Clone()
}
