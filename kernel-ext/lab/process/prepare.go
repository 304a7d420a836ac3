package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// prepare compiles the step and brings back the run's state. The socket answers meanwhile.
func (r *Keeper) prepare() error {
	s := r.start
	before, damage := record.ReadInfo(s.Dir)
	if damage != nil && !errors.Is(damage, record.ErrNoRun) && !errors.Is(damage, record.ErrDamagedInfo) {
		return damage
	}
	checked := func() (struct{}, error) { return struct{}{}, nil } // what goes on was checked when it began
	if before == nil || s.Adopt {
		checked = beside(func() (struct{}, error) { return struct{}{}, r.o.Check() })
	}
	reason, err := r.compile(s, before)
	if _, wrong := checked(); wrong != nil { // which says it better
		return wrong
	}
	if err != nil {
		return err
	}
	shapes, definition := append([]lint.DataShape{r.status.Data}, r.status.Beside...), r.status.Signature
	r.of = r.trainer.Description() // with its defaults
	game := r.trainer.Game()
	r.data = game.Data[0]
	initial := r.trainer.Settings()
	r.info.Definition = definition
	notice, err := r.restore(s, before)
	if err != nil {
		return err
	}
	if errors.Is(damage, record.ErrDamagedInfo) {
		notice = strings.Trim(fmt.Sprintf("%s: it is written anew, by the experiment and its checkpoints; %s", record.OneLine(damage), notice), "; ")
	}
	if r.view, err = view.New(r.trainer, r.o.Samples, r.o.Seed); err != nil {
		return err
	}
	if err := r.prepareDistance(); err != nil {
		return err
	}
	if r.last.Step = r.trainer.Step(); r.history.N > 0 {
		last, err := r.history.Last()
		if err != nil {
			return err
		}
		r.last, r.pace.seconds = last.Progress, last.Seconds
	}
	workDir, err := os.Getwd()
	if err != nil {
		return err
	}
	made := record.RecipeOf(r.of, game, definition, shapes, r.o.Made)
	now := record.Info{Recipe: made.Name, Parts: made.Parts, Batch: game.BatchSize, Seed: game.Seed, Version: protocolVersion,
		Definition: definition, Data: record.KeptData(shapes[0]), Beside: shapes[1:], Initial: initial, Args: os.Args[1:], WorkDir: workDir,
		From: s.From, Opened: r.o.Opened}
	target := 0
	if before != nil {
		target = before.Status.Target
		if now.From == "" {
			now.From = before.From
		}
	}
	if l := lossOf(r.trainer.Description()); l != lossOf(r.of) {
		now.Loss = l
	}
	r.info = now
	r.update(func() {
		st := &r.status
		st.Notice, st.Backend = notice, r.backend.Description()
		st.Device, _, _ = strings.Cut(reason, ",")
		if target > r.trainer.Step() {
			st.Target = target
		}
	})
	r.report()
	if before == nil {
		if err := r.writeInfo(); err != nil {
			return err
		}
	}
	if err := r.saveFirst(); err != nil {
		return err
	}
	if err := record.WriteSpec(s.Dir, r.of, shapes, made); err != nil {
		return err
	}
	r.update(func() { r.ready = true })
	return nil
}

// compile makes the trainer, if the experiment is that of before, and says which device it is on. The backend starts while the
// data is read, and the step is compiled while its content is summed up.
func (r *Keeper) compile(s Start, before *record.Info) (reason string, err error) {
	choice, err := device.Resolve(r.o.Backend)
	if err != nil {
		return "", err
	}
	opened := beside(func() (compute.Backend, error) { return device.Open(r.o.Backend) })
	game, err := r.of.Game()
	if err != nil {
		return "", err
	}
	for _, set := range game.Data {
		if _, err := set.Head(); err != nil { // which keeps it for whoever asks again
			return "", err
		}
	}
	made := beside(func() (*train.Trainer, error) {
		backend, err := opened()
		if err != nil {
			return nil, err
		}
		of := r.of
		if exp, is := of.(gan.Experiment); is {
			of = exp.WithDefaults()
		}
		if before != nil {
			return train.NewToRestore(backend, of)
		}
		return train.New(backend, of)
	})
	data, err := record.DescribeData(game)
	if err != nil {
		return "", err
	}
	definition, err := lint.SignatureOf(r.of, data)
	if err != nil {
		return "", err
	}
	if before != nil && !s.Adopt {
		was, err := before.Signature()
		if err != nil {
			return "", err
		}
		if differences := definition.Differences(was); len(differences) > 0 {
			return "", fmt.Errorf("the run's experiment is another one: %s", record.ListDifferences(differences))
		}
	}
	r.update(func() {
		r.status.Signature, r.status.Data, r.status.Beside = definition, data[0], data[1:]
	})
	if r.trainer, err = made(); err != nil {
		return "", err
	}
	r.backend = r.trainer.Backend()
	game = r.trainer.Game()
	reports, err := r.trainer.Reports()
	if err != nil {
		return "", err
	}
	ranges := map[string]record.Range{}
	for _, s := range game.AllSettings() {
		ranges[s.Name] = record.Range{Min: s.Min, Max: s.Max, Start: s.Value}
	}
	r.update(func() {
		st := &r.status
		st.Numbers, st.Ranges = reports, ranges
		if r.o.MeasureEvery > 0 {
			st.Numbers = append(slices.Clip(reports), metric.KernelName)
		}
		st.Networks, st.Sampler, st.Latent, st.BatchSize = moving(game), game.Sampler.Network, game.Sampler.Latent, game.BatchSize
		if game.Sampler.Classed {
			st.Classes = game.Classes
		}
	})
	return choice.Reason, nil
}

// moving are a game's networks in the order in which its steps move them.
func moving(game method.Game) (names []string) {
	for _, turn := range game.Turns {
		for _, phase := range turn.Phases {
			for _, name := range phase.Moves {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// saveFirst saves a run that is ready to begin. One that goes on from its newest checkpoint as it is need not write it again.
func (r *Keeper) saveFirst() error {
	if !r.asSaved {
		return r.save()
	}
	if err := r.writeInfo(); err != nil {
		return err
	}
	now := time.Now()
	r.update(func() { r.savedAt, r.triedAt, r.status.Checkpointed = now, now, r.trainer.Step() })
	return r.ladder.Add(r.trainer.LastCheckpoint(), r.trainer.Step(), r.trainer.Calls())
}

// beside begins something in a goroutine of its own. The function it returns waits for it.
func beside[T any](do func() (T, error)) (wait func() (T, error)) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	return func() (T, error) {
		o := <-done
		return o.value, o.err
	}
}
