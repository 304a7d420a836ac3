package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/kernel-ext/show"
)

// resident is the process of a run. One goroutine, that of work, owns the trainer and all that is written to the run's
// folder; the others answer clients: from what mu guards where they can, and else by a job that work does between two
// steps.
type resident struct {
	name, dir string
	place     *place
	exp       gan.Experiment
	o         RunOptions
	backend   compute.Backend
	jobs      chan job
	ended     chan struct{} // closed when work is over
	figures   sync.WaitGroup

	// work's own
	trainer  *gan.Trainer
	view     *View
	last     gan.Progress
	history  *history
	ladder   *ladder
	info     info
	savedAt  time.Time
	triedAt  time.Time // to save
	lookedAt time.Time
	shown    *shown // the last look
	pace     pace
	compiled map[variant]bool // the steps that were made since the process began
	sampled  bool             // samples were drawn since then
	asSaved  bool             // it was opened from its newest checkpoint, which says all of it

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when anything below changes
	ready    bool          // the trainer is there
	goal     goal
	settled  bool // nothing is being done for the goal, and all is saved
	stopping bool
	must     bool  // it ends even if it cannot be saved
	lost     error // why nothing is to be saved any more: the folder is no longer the run's
	refused  int   // how often it could not be stopped, because it could not be saved
	dirty    bool  // the state is not that of the newest checkpoint
	saved    bool  // the last checkpoint, of a process that is stopping, is written, or could not be
	status   Status
	rewinds  int // how often the run went back
	clients  int
	lastSeen time.Time                     // when the last client left
	drawing  map[string]context.CancelFunc // ends the figure in a notebook, by its kernel's socket

	hosted hosted // panels and explorers
	budget budget // of the pictures of panels and figures
}

// goal is what the run is to do.
type goal struct {
	on      bool
	updates Updates
	step    int // at which an ordinary training ends
	calls   int // at which steps of one network alone end
	ask     int // of the Train that set it; a second, equal one joins it
}

func (g goal) reached(t *gan.Trainer) bool {
	if g.updates == BothNetworks {
		return t.Step() >= g.step
	}
	return t.Calls() >= g.calls
}

// job is something to do between two steps.
type job struct {
	ctx context.Context
	do  func()
}

// Exit codes of a run's process.
const (
	exitStopped = 0
	exitBroken  = 1 // the last line of the log says why
	exitTaken   = 3 // another process has the run
)

// start is how a run's process begins, handed over in the environment.
type start struct {
	Dir     string
	Adopt   bool   // carry over what fits from the newest checkpoint, rather than want it to be this experiment's
	Weights bool   // begin with the weights that were saved beside the checkpoints, none of which is whole
	From    string // the run that it is a fork of
	As      string // the name by which the program opens the run, whose folder was moved or copied
}

// variant is a kind of step that is compiled by itself.
type variant struct {
	updates   Updates
	penalties bool
}

// serve makes this process that of a run, and does not return.
func serve(s start, exp gan.Experiment, o RunOptions) {
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGPIPE)
	o.kept = nil
	code, err := keep(s, exp, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", oneLine(err))
	}
	os.Exit(code)
}

// keep serves a run until it is stopped and returns the process's exit code.
func keep(s start, exp gan.Experiment, o RunOptions) (code int, err error) {
	if err := trusted(s.Dir); err != nil {
		return exitBroken, err
	}
	place, err := take(s.Dir)
	if err != nil {
		return exitBroken, err
	}
	if place == nil {
		return exitTaken, errors.New("another process keeps this run")
	}
	defer place.leave()

	now := time.Now()
	r := &resident{name: filepath.Base(s.Dir), dir: s.Dir, place: place, exp: exp, o: o.withDefaults(), jobs: make(chan job, 16),
		ended: make(chan struct{}), changed: make(chan struct{}), settled: true, lastSeen: now, savedAt: now, lookedAt: now,
		drawing: map[string]context.CancelFunc{}, compiled: map[variant]bool{}}
	r.status = Status{Name: r.name, Dir: s.Dir, State: Starting, Pid: os.Getpid(), Started: now,
		Light: show.Unlit, LightReason: "nothing was trained yet"}
	if o.kept == nil {
		terminate := make(chan os.Signal, 1)
		signal.Notify(terminate, syscall.SIGTERM)
		go func() {
			<-terminate
			r.terminate()
		}()
	} else {
		o.kept.resident.Store(r)
	}
	var answering sync.WaitGroup
	accept := func(l net.Listener) { answering.Go(func() { r.accept(l, &answering) }) }
	if err := place.listen(accept); err != nil {
		return exitBroken, err
	}
	go r.watchPlace(accept)

	if err := r.prepare(s); err != nil {
		close(r.ended)
		return exitBroken, err
	}
	err = r.work()
	close(r.ended)
	last := make(chan struct{}) // replies and figures that are under way
	go func() {
		r.figures.Wait() // they ask, too
		place.hush()
		answering.Wait()
		close(last)
	}()
	select {
	case <-last:
	case <-time.After(endPatience):
	}
	r.backend.Finalize()
	if err != nil {
		return exitBroken, err
	}
	return exitStopped, nil
}

// terminate saves and ends within the ten seconds that a system gives at its shutdown. Work saves between two steps;
// whatever takes longer than a step, such as a compilation, begins with all saved, so that it need not be waited for.
func (r *resident) terminate() {
	r.update(func() { r.must = true })
	if !r.stop() { // there is nothing to save yet
		r.exit()
	}
	if !r.atRest() {
		r.exit()
	}
}

// atRest waits for work to be over; false when it is not, soon, and has nothing to save.
func (r *resident) atRest() bool {
	for {
		select {
		case <-r.ended:
			return true
		case <-time.After(termTime):
		}
		r.mu.Lock()
		dirty := r.dirty
		r.mu.Unlock()
		if !dirty {
			return false
		}
	}
}

// termTime is how long a process that is told to end waits for the work under way.
const termTime = 4 * time.Second

// exit ends the process at once.
func (r *resident) exit() {
	r.place.leave()
	if r.o.kept != nil {
		fmt.Fprintf(os.Stderr, "gantry: run %s was stopped before it had trained\n", r.name)
		os.Exit(exitBroken)
	}
	os.Exit(exitStopped)
}

const endPatience = 3 * time.Second // for the last replies and figures

// prepare compiles the step and brings back the run's state. The socket answers meanwhile.
func (r *resident) prepare(s start) error {
	before, damage := readInfo(s.Dir)
	if damage != nil && !errors.Is(damage, ErrNoRun) && !errors.Is(damage, ErrDamagedInfo) {
		return damage
	}
	checked := beside(func() (struct{}, error) { return struct{}{}, r.o.Check() })
	reason, err := r.compile(s, before)
	if _, wrong := checked(); wrong != nil { // which says it better
		return wrong
	}
	if err != nil {
		return err
	}
	data, definition := r.status.Data, r.status.Signature
	r.exp = r.trainer.Experiment() // with its defaults
	initial := r.trainer.Settings()
	r.info.Definition = definition
	notice, err := r.restore(s, before)
	if err != nil {
		return err
	}
	if errors.Is(damage, ErrDamagedInfo) {
		notice = strings.Trim(fmt.Sprintf("%s: it is written anew, by the experiment and its checkpoints; %s", oneLine(damage), notice), "; ")
	}
	if r.view, err = NewView(r.trainer, r.o.Samples, r.o.Seed); err != nil {
		return err
	}
	if r.last.Step = r.trainer.Step(); r.history.n > 0 {
		last, err := r.history.last()
		if err != nil {
			return err
		}
		r.last, r.pace.seconds = last.Progress, last.Seconds
	}
	workDir, err := os.Getwd()
	if err != nil {
		return err
	}
	exp := r.trainer.Experiment()
	now := info{Recipe: recipeOf(r.exp, definition, data), Batch: r.exp.BatchSize, Seed: r.exp.Seed, Version: protocolVersion,
		Definition: definition, Data: keptData(data), Initial: initial, Args: os.Args[1:], WorkDir: workDir, From: s.From,
		Opened: r.o.Name}
	target := 0
	if before != nil {
		target = before.Status.Target
		if now.From == "" {
			now.From = before.From
		}
	}
	if exp.Loss.String() != r.exp.Loss.String() {
		now.Loss = exp.Loss.String()
	}
	r.info = now
	r.update(func() {
		st := &r.status
		st.Notice, st.Backend = notice, r.backend.Description()
		st.Device, _, _ = strings.Cut(reason, ",")
		st.Latent, st.BatchSize = exp.Latent, exp.BatchSize
		if exp.ClassGenerator != nil {
			st.Classes = exp.Classes
		}
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
	r.update(func() { r.ready = true })
	return nil
}

// compile makes the trainer, if the experiment is that of before, and says which device it is on. The backend starts while the
// data is read.
func (r *resident) compile(s start, before *info) (reason string, err error) {
	choice, err := device.Resolve(r.o.Backend)
	if err != nil {
		return "", err
	}
	opened := beside(func() (compute.Backend, error) { return device.Open(r.o.Backend) })
	data, err := gan.DescribeData(r.exp.Data)
	if err != nil {
		return "", err
	}
	definition, err := r.exp.SignatureOn(data)
	if err != nil {
		return "", err
	}
	if before != nil && !s.Adopt {
		was, err := before.definition()
		if err != nil {
			return "", err
		}
		if differences := definition.Differences(was); len(differences) > 0 {
			return "", fmt.Errorf("the run's experiment is another one: %s", listed(differences))
		}
	}
	r.update(func() {
		r.status.Signature, r.status.Data = definition, data
	})
	if r.backend, err = opened(); err != nil {
		return "", err
	}
	r.trainer, err = gan.NewTrainer(r.backend, r.exp)
	return choice.Reason, err
}

// saveFirst saves a run that is ready to begin. One that goes on from its newest checkpoint as it is need not write it again.
func (r *resident) saveFirst() error {
	if !r.asSaved {
		return r.save()
	}
	if err := r.writeInfo(); err != nil {
		return err
	}
	now := time.Now()
	r.update(func() { r.savedAt, r.triedAt, r.status.Checkpointed = now, now, r.trainer.Step() })
	return r.ladder.add(r.trainer.LastCheckpoint(), r.trainer.Step(), r.trainer.Calls())
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

// update changes what mu guards, and tells those who wait for a change.
func (r *resident) update(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait waits until cond, called under mu, is true.
func (r *resident) wait(ctx context.Context, cond func() bool) error {
	for {
		r.mu.Lock()
		met, changed := cond(), r.changed
		r.mu.Unlock()
		if met {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ended:
			return errEnding
		}
	}
}

var errEnding = errors.New("the run's process is ending")

// stop asks work to save and end; false when work has not begun.
func (r *resident) stop() bool {
	begun := false
	r.update(func() { r.stopping, r.goal.on, begun = true, false, r.ready })
	return begun
}

// between does something between two steps and waits for it.
func (r *resident) between(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	select {
	case r.jobs <- job{ctx, func() {
		err := do()
		r.report() // who asked sees what came of it
		done <- err
	}}:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return errEnding
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return errEnding
	}
}

const (
	jobsBetween = 8                // at most between two steps, so that many clients do not stop the training
	lookEach    = 10 * time.Second // for collapse, where no figure asks for samples
)

// work trains towards the goal, does what clients ask for, saves when it is time, and ends when the run is to stop or has
// been idle for too long.
func (r *resident) work() error {
	for {
		r.mu.Lock()
		g, stopping, lost, changed, settled := r.goal, r.stopping, r.lost, r.changed, r.settled
		idleSince, clients, unsaved := r.lastSeen, r.clients, r.status.Unsaved != ""
		r.mu.Unlock()
		if lost != nil {
			r.update(func() { r.saved = true })
			if errors.Is(lost, errUndone) {
				return nil
			}
			return lost
		}
		for range jobsBetween {
			select {
			case j := <-r.jobs:
				r.run(j)
				continue
			default:
			}
			break
		}
		switch {
		case stopping:
			if ends, err := r.finish(); ends {
				return err
			}
		case g.on && g.reached(r.trainer):
			r.update(func() { r.goal.on = r.goal.on && r.goal != g })
		case g.on && unsaved:
			if err := r.save(); err != nil {
				r.update(func() { r.goal.on = false })
			}
		case g.on:
			r.step(g)
		case !settled:
			r.settle()
			r.update(func() { r.settled = !r.goal.on })
			r.report()
		default:
			wake := time.Until(idleSince.Add(r.o.Idle))
			if r.o.Idle < 0 || clients > 0 {
				wake = longTime
			}
			if unsaved {
				wake = time.Until(r.triedAt.Add(retryTime))
			}
			idle := time.NewTimer(wake)
			select {
			case j := <-r.jobs:
				r.run(j)
			case <-changed:
			case <-idle.C:
				if unsaved {
					r.settle()
				} else if wake < longTime {
					fmt.Fprintf(os.Stderr, "lab: nobody has used run %s for %s: it is saved and ends\n", r.name, r.o.Idle)
					r.stop()
				}
			}
			idle.Stop()
		}
	}
}

const (
	longTime  = 1000 * time.Hour
	retryTime = time.Second     // between two tries to save what could not be saved
	mustTime  = 5 * time.Second // for which a process that must end tries
)

// finish saves the state for the last time; ends tells whether the process is to end. One that cannot save lives on, with
// all its steps, unless it must end.
func (r *resident) finish() (ends bool, err error) {
	for begin := time.Now(); ; time.Sleep(retryTime / 5) {
		err = r.settle()
		r.mu.Lock()
		must, failed := r.must, r.status.Problem != ""
		r.mu.Unlock()
		if failed {
			err = nil // there is nothing good to save, and the client knows
		}
		if err != nil && must && time.Since(begin) < mustTime {
			continue
		}
		if err != nil && !must {
			r.update(func() { r.stopping, r.settled = false, true; r.refused++ })
			return false, nil
		}
		r.update(func() { r.saved = true })
		return true, err
	}
}

func (r *resident) run(j job) {
	if j.ctx.Err() == nil {
		j.do()
	}
}

// slowStep is the time from which a step is saved as soon as it is done, because the next could be waited for in vain.
const slowStep = 2 * time.Second

// step makes one step towards the goal and records it.
func (r *resident) step(g goal) {
	if v := r.variant(g.updates); !r.compiled[v] {
		if r.saveDirty() != nil {
			r.update(func() { r.goal.on = false })
			return
		}
		r.compiled[v] = true
	}
	begin := time.Now()
	p, err := r.advance(g.updates)
	if err != nil {
		r.update(func() {
			r.goal.on, r.settled = false, true
			r.status.Problem = r.words(err)
		})
		r.report()
		return
	}
	now := time.Now()
	r.update(func() { r.dirty = true })
	m := Metric{Progress: p, Updates: g.updates, Calls: r.trainer.Calls(), Seconds: r.pace.seconds}
	err = r.history.add(m)
	if err == nil && (now.Sub(r.savedAt) >= r.o.Checkpoint || now.Sub(begin) >= slowStep) {
		err = r.save()
	}
	if err != nil { // a full disk, say: it must not train on without a record
		r.cannotSave(err)
		r.update(func() { r.goal.on = false })
	} else if r.view != nil && now.Sub(r.lookedAt) >= lookEach {
		if _, err := r.look(); err != nil {
			r.update(func() { r.goal.on, r.status.Problem = false, oneLine(err) })
		}
	}
	r.report()
}

// variant is the kind of the next step.
func (r *resident) variant(u Updates) variant {
	exp := r.trainer.Experiment()
	return variant{u, u != GeneratorAlone && len(exp.Penalties) > 0 && r.trainer.Calls()%max(1, exp.PenaltyEvery) == 0}
}

// saveDirty saves what is not saved yet, before something that may take long.
func (r *resident) saveDirty() error {
	r.mu.Lock()
	dirty := r.dirty
	r.mu.Unlock()
	if !dirty {
		return nil
	}
	return r.save()
}

// advance makes one step and measures its time.
func (r *resident) advance(u Updates) (last gan.Progress, err error) {
	begin := time.Now()
	train := r.trainer.Train
	switch u {
	case CriticAlone:
		train = r.trainer.StepCritic
	case GeneratorAlone:
		train = r.trainer.StepGenerator
	}
	for last, err = range train(context.Background(), 1) {
	}
	if err == nil {
		r.last = last
		r.pace.add(time.Since(begin))
	}
	return last, err
}

// report publishes where the trainer stands.
func (r *resident) report() {
	settings, l := r.trainer.Settings(), r.trainer.Experiment().Loss.String()
	var privacy *gan.PrivacySpent
	if spent, private := r.trainer.Spent(); private {
		privacy = &spent
	}
	light, reason := r.view.Light()
	steps := r.ladder.steps()
	r.update(func() {
		st := &r.status
		st.Step, st.Calls, st.Epoch, st.Seconds = r.trainer.Step(), r.history.n, r.last.Epoch, r.pace.seconds
		st.StepsPerSecond = r.pace.perSecond()
		st.Settings, st.Loss, st.Privacy = settings, l, privacy
		st.Light, st.LightReason, st.Checkpoints = light, reason, steps
	})
}

// present is the status as it is now, for a reply.
func (r *resident) present() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.status
	switch {
	case !r.ready:
		st.State = Starting
	case st.Problem != "":
		st.State = Failed
	case r.goal.on || !r.settled:
		st.State = Training
	default:
		st.State, st.StepsPerSecond = Paused, 0
	}
	if r.ready {
		st.CheckpointAge = time.Since(r.savedAt)
	}
	st.Memory, st.Clients = memoryInUse(), r.clients
	return st
}

// save writes a checkpoint, if the newest is not of this state, and what a later process must know.
func (r *resident) save() error {
	r.triedAt = time.Now()
	err := r.write()
	if err != nil {
		r.cannotSave(err)
		return fmt.Errorf("%w: %s", ErrUnsaved, r.words(err))
	}
	now := time.Now()
	r.update(func() {
		r.savedAt, r.status.Checkpointed = now, r.trainer.Step()
		r.status.Unsaved, r.dirty = "", false
	})
	return nil
}

// ErrUnsaved is the error of a run that cannot be saved now, because the disk is full, say. Its steps are good in memory,
// and it saves them by itself when it can.
var ErrUnsaved = errors.New("it cannot be saved")

// cannotSave says so, but for a run whose state is no longer good.
func (r *resident) cannotSave(err error) {
	r.update(func() {
		if r.status.Problem != "" || r.lost != nil {
			return
		}
		r.status.Unsaved = fmt.Sprintf("cannot be saved (%s): make room; step %d is good in memory, step %d is saved", r.words(err),
			r.trainer.Step(), r.status.Checkpointed)
	})
}

func (r *resident) write() error {
	if err := r.place.check(); err != nil {
		return err
	}
	if err := r.writeState(); err != nil {
		return err
	}
	return r.ladder.add(r.trainer.LastCheckpoint(), r.trainer.Step(), r.trainer.Calls())
}

// writeState writes what the run goes on from.
func (r *resident) writeState() error {
	if err := r.history.sync(); err != nil {
		return err
	}
	if err := r.trainer.Save(filepath.Join(r.place.path(), checkpointsDir)); err != nil {
		return err
	}
	return r.writeInfo()
}

// words are an error's, with the folder's name.
func (r *resident) words(err error) string {
	return strings.ReplaceAll(oneLine(err), r.place.path(), r.dir)
}

// settle is save for a run that comes to rest: who looks into its folder finds its weights, too.
func (r *resident) settle() error {
	if err := r.save(); err != nil {
		return err
	}
	if err := r.trainer.SaveWeights(r.place.path()); err != nil {
		r.cannotSave(err)
		return fmt.Errorf("%w: %s", ErrUnsaved, r.words(err))
	}
	return nil
}

// writeInfo writes what a later process, or one that only looks, must know.
func (r *resident) writeInfo() error {
	r.info.Status = r.present()
	st := &r.info.Status
	st.State, st.Pid, st.Memory, st.StepsPerSecond, st.Clients = Ended, os.Getpid(), 0, 0, 0
	st.Signature = gan.Signature{} // kept beside it
	return r.info.write(r.place.path())
}

// accept answers clients until the listener is closed.
func (r *resident) accept(listener net.Listener, answering *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		answering.Go(func() { r.answer(conn) })
	}
}

// pace measures how fast a run trains; pauses and compilations between steps do not count.
type pace struct {
	seconds float64   // of training in all
	recent  []float64 // of the last steps
}

const paceSteps = 50

func (p *pace) add(d time.Duration) {
	p.seconds += d.Seconds()
	p.recent = append(p.recent[max(0, len(p.recent)+1-paceSteps):], d.Seconds())
}

func (p *pace) perSecond() float64 {
	sum := 0.0
	for _, seconds := range p.recent {
		sum += seconds
	}
	if sum <= 0 {
		return 0
	}
	return float64(len(p.recent)) / sum
}

// shortList lists the first few of many.
func shortList(names []string, most int) string {
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
