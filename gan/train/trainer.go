package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/sample"
)

// Trainer runs the steps of one game. It is not safe for concurrent use.
//
// The data sets, the weights, the optimizer state and the random state live on the device; each step's new state takes
// the place of the old (its buffers are donated), and only a few numbers come back. Of a data set that is a stream there are the
// batches of one step, which were read ahead.
type Trainer struct {
	of      method.Description // what it was made of
	game    method.Game
	backend compute.Backend
	driver  method.Driver // nil where no phase has one

	ground   method.Ground
	compiled compiled
	sampler  *Generator // nil where the game has no Sampler
	batches  batches
	settings []float64 // present values, in the order of Game.AllSettings

	place  place
	failed error // why the state on the device can no longer be trusted
	kept   kept
}

// place is where in a run a trainer stands.
type place struct {
	step  int    // steps done since the run began
	calls int    // calls of a compiled step so far: steps, and updates of one network alone
	good  string // the last checkpoint saved or restored
	drawn bool   // whether the weights have their initial values, or those of a checkpoint
}

// compiled holds what a trainer has compiled.
type compiled struct {
	steps map[method.Variant]*compiledStep
	asked map[string]*model.Exec // graphs that look at images, made when first asked for

	traced func() // is called once, when the next graph of a step has named all variables; nil: nobody waits for it
}

// compiledStep is a variant of the step, and the names of what it reports.
type compiledStep struct {
	exec  *model.Exec
	names []string
}

// New loads the data sets, moves them to the device, compiles the step and draws the initial weights from the seed.
func New(backend compute.Backend, of method.Description) (*Trainer, error) {
	return NewWithLatents(backend, of, nil)
}

// NewToRestore is New for a trainer that Restore, RestoreFile, Adopt or AdoptWeights gives its weights. It draws none unless they
// are needed before.
func NewToRestore(backend compute.Backend, of method.Description) (*Trainer, error) {
	return newTrainer(backend, of, nil, func(t *Trainer, _ func() error) error { return compile(t) })
}

// NewWithLatents is New with another source of latents than the step's random state, for tests of parity with other frameworks.
func NewWithLatents(backend compute.Backend, of method.Description, latents LatentSource) (*Trainer, error) {
	return newTrainer(backend, of, latents, compileAndDraw)
}

// newTrainer makes a trainer; ready is what gets it ready while its data sets arrive.
func newTrainer(backend compute.Backend, of method.Description, latents LatentSource, ready func(t *Trainer, arrive func() error) error) (*Trainer, error) {
	game, err := of.Game()
	if err != nil {
		return nil, err
	}
	game, sets, streams, err := load(game)
	if err != nil {
		return nil, err
	}
	t := &Trainer{of: of, game: game, backend: backend, batches: newBatches(game, counts(sets)), settings: initial(game)}
	t.batches.feed.streams = streams
	t.driver = driverOf(game)
	if t.driver != nil {
		if err := t.driver.Admit(backend, sets[0]); err != nil {
			return nil, fmt.Errorf("%q: %w", game.Name, err)
		}
	}
	return t, build(t, sets, latents, nil, func(arrive func() error) error { return ready(t, arrive) })
}

// driverOf makes the driver of a game's first phase, if it has one.
func driverOf(game method.Game) method.Driver {
	if of := game.Turns[0].Phases[0].Driver; of != nil {
		return of(game)
	}
	return nil
}

// load loads a game's data sets, of streams their heads, and returns the game on them. It tells what the game has no room for in
// them.
func load(game method.Game) (on method.Game, sets []*sample.Images, streams []*data.Stream, err error) {
	for _, set := range game.Data {
		images, err := set.Head()
		if err != nil {
			return game, nil, nil, err
		}
		stream, err := set.Stream()
		if err != nil {
			return game, nil, nil, err
		}
		sets, streams = append(sets, images), append(streams, stream)
		if stream != nil && driverOf(game) != nil {
			return game, nil, nil, fmt.Errorf("%q: updates that are made outside of the step, as private ones, draw from a set on the device, "+
				"and %s is a stream: take a part of it that fits, such as with limit", game.Name, set.Name)
		}
	}
	if on, err = game.On(sets); err == nil {
		err = on.Fits(sets)
	}
	return on, sets, streams, err
}

// counts are the numbers of samples in data sets.
func counts(sets []*sample.Images) (all []int) {
	for _, set := range sets {
		all = append(all, set.N)
	}
	return all
}

// Description returns what the trainer was made of.
func (t *Trainer) Description() method.Description { return t.of }

// Game returns the game that the trainer plays.
func (t *Trainer) Game() method.Game { return t.game }

// Backend returns the backend that the trainer runs on.
func (t *Trainer) Backend() compute.Backend { return t.backend }

// Driver returns the driver of the game's first phase, nil where it has none.
func (t *Trainer) Driver() method.Driver { return t.driver }

// Step returns the number of steps done since the run began, those before a resume included.
func (t *Trainer) Step() int { return t.place.step }

// Calls returns the number of calls of a compiled step since the run began: its steps, and the updates of one network alone.
// It orders all that a run did, and checkpoints keep it.
func (t *Trainer) Calls() int { return t.place.calls }

// StepsPerEpoch returns how many steps pass once through the first data set; what is left over is dropped.
func (t *Trainer) StepsPerEpoch() int { return t.batches.stepsPerEpoch(0) }

// Reports returns the names of all numbers that a step can report, in their order.
func (t *Trainer) Reports() ([]string, error) {
	if err := open(t, nil); err != nil {
		return nil, err
	}
	var names []string
	if t.driver != nil {
		names = append(names, t.driver.Reports()...)
	}
	step, err := stepOf(t, t.game.VariantOf(0, ""))
	if err != nil {
		return nil, err
	}
	if step.names == nil {
		if err := compileFor(t, t.game.VariantOf(0, "")); err != nil {
			return nil, err
		}
	}
	return append(names, step.names...), nil
}

// Train runs n more steps and yields the progress of each. It ends early, yielding the error, when ctx ends (the state
// is then that of the last step yielded) or when a number is no longer finite.
func (t *Trainer) Train(ctx context.Context, n int) iter.Seq2[Progress, error] {
	return t.run(ctx, n, "")
}

// TrainAlone runs n updates of one network, and of those that its phase moves together with it, each on its own real batch. Step
// stays as it is.
func (t *Trainer) TrainAlone(ctx context.Context, network string, n int) iter.Seq2[Progress, error] {
	if _, known := t.game.Network(network); !known {
		return func(yield func(Progress, error) bool) {
			yield(Progress{Step: t.place.step}, fmt.Errorf("there is no network %q: use one of %s", network, strings.Join(namesOf(t.game), ", ")))
		}
	}
	return t.run(ctx, n, network)
}

func namesOf(game method.Game) (names []string) {
	for _, n := range game.Networks {
		names = append(names, n.Name)
	}
	return names
}

func (t *Trainer) run(ctx context.Context, n int, moves string) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if n < 0 {
			yield(Progress{Step: t.place.step}, fmt.Errorf("cannot train for %d steps", n))
			return
		}
		var begin time.Time // when the first step of this call was done
		for done := range n {
			if err := ctx.Err(); err != nil {
				yield(Progress{Step: t.place.step}, err)
				return
			}
			p, err := t.runStep(moves)
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

func (t *Trainer) runStep(moves string) (Progress, error) {
	calls := t.place.calls
	p := Progress{Step: t.place.step, Epoch: calls / t.StepsPerEpoch()}
	variant := t.game.VariantOf(calls, moves)
	err := open(t, func(func() error) error { return compileFor(t, variant) })
	if err == nil {
		err = t.usable()
	}
	if err != nil {
		return p, err
	}
	rows := t.batches.none()
	if !t.drives(variant) {
		if rows, err = lookedAt(t, calls); err != nil {
			return p, err
		}
	}
	reports, err := t.call(variant, rows)
	if err != nil {
		// The old state's buffers were given away and the new state never came.
		t.failed = fmt.Errorf("step %d failed and the state on the device is lost; restore a checkpoint: %w", t.place.step+1, err)
		return p, t.failed
	}
	t.place.calls++
	p.EpochEnd = t.place.calls%t.StepsPerEpoch() == 0
	if moves == "" {
		t.place.step++
		p.Step = t.place.step
	}
	finite := true
	for i, name := range reports.Names {
		value := float64(reports.Values[i])
		p.Numbers = append(p.Numbers, Number{name, value})
		finite = finite && !math.IsNaN(value) && !math.IsInf(value, 0)
	}
	if !finite {
		t.failed = t.divergence(p)
		return p, t.failed
	}
	if err := follow(t, p, moves); err != nil {
		t.failed = fmt.Errorf("step %d: %w", t.place.step, err)
		return p, t.failed
	}
	return p, nil
}

// drives tells whether the driver makes updates of a variant of the step.
func (t *Trainer) drives(variant method.Variant) bool {
	return t.driver != nil && (variant.Moves == "" || variant.Moves == t.game.Turns[0].Phases[0].Moves[0])
}

// call plays a variant of the step on rows of the data sets and returns what it reports.
func (t *Trainer) call(variant method.Variant, rows []int32) (all method.Reports, err error) {
	if !t.drives(variant) {
		return t.execute(variant, rows)
	}
	updates := 1
	if variant.Moves == "" {
		updates = t.game.Turns[0].Times
	}
	for update := range updates {
		if all, err = t.driver.Update(host(t), update); err != nil {
			return all, err
		}
	}
	if variant.Moves != "" {
		return all, nil
	}
	rest, err := t.execute(variant, rows)
	all.Names, all.Values = append(all.Names, rest.Names...), append(all.Values, rest.Values...)
	return all, err
}

// host is what the driver has of the trainer.
func host(t *Trainer) method.Host {
	return method.Host{Backend: t.backend, Ground: t.ground, Images: t.batches.samples[0], Call: t.place.calls, Settings: settingsOfStep(t)}
}

func (t *Trainer) execute(variant method.Variant, rows []int32) (of method.Reports, err error) {
	step, err := stepOf(t, variant)
	if err != nil {
		return of, err
	}
	shape := t.game.RowsShape()
	out, err := step.exec.Call1(tensors.FromFlatDataAndDimensions(rows, shape.Dimensions...),
		method.RandomState(t.game.Seed, t.place.calls, 0), settingsOfStep(t))
	if err != nil {
		return of, err
	}
	values, err := tensors.CopyFlatData[float32](out)
	return method.Reports{Names: step.names, Values: values}, errors.Join(err, out.FinalizeAll())
}

// divergence is the error of a step whose numbers are no longer finite: it names the step, the first tensor that is not
// finite, and the checkpoint to go back to.
func (t *Trainer) divergence(p Progress) error {
	where := "no weight is affected yet"
	for v := range variables(t) {
		if !v.DType().IsFloat() {
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
	if t.place.good != "" {
		back = "the last good checkpoint is " + t.place.good
	}
	var numbers []string
	for _, n := range p.Numbers {
		if !strings.HasSuffix(n.Name, "accuracy") {
			numbers = append(numbers, fmt.Sprintf("%s %g", n.Name, n.Value))
		}
	}
	return fmt.Errorf("step %d: %s are no longer finite; %s; lower the rates or add a gradient limit (optim.ClipNorm), and restore: %s",
		t.place.step, strings.Join(numbers, ", "), where, back)
}

// usable tells why the state cannot be used. One that is new gets its initial values first, and one that a notebook has kept
// those that it had.
func (t *Trainer) usable() error {
	if err := open(t, nil); err != nil {
		return err
	}
	if t.failed == nil {
		t.failed = draw(t)
	}
	return t.failed
}

// Store returns the store of all variables: each network's below its name, optimizers below "/adam", averages below "/average".
func (t *Trainer) Store() *model.Store { return t.ground.Store }
