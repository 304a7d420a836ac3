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
	"gantry.local/gan/loss"
	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/show"
)

// resident is the process of a run. One goroutine, that of work, owns the trainer and all that is written to the run's
// folder; the others answer clients: from what mu guards where they can, and else by a job that work does between two
// steps.
type resident struct {
	name, dir string
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
	lookedAt time.Time
	shown    *shown // the last look
	pace     pace

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when anything below changes
	ready    bool          // the trainer is there
	goal     goal
	settled  bool // nothing is being done for the goal, and all is saved
	stopping bool
	saved    bool // the last checkpoint, of a process that is stopping, is written, or could not be
	status   Status
	rewinds  int // how often the run went back
	clients  int
	lastSeen time.Time                     // when the last client left
	drawing  map[string]context.CancelFunc // ends the figure in a notebook, by its kernel's socket

	hosted hosted // panels and explorers
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
	Dir   string
	Adopt bool   // carry over what fits from the newest checkpoint, rather than want it to be this experiment's
	From  string // the run that it is a fork of
}

// serve makes this process that of a run, and does not return.
func serve(s start, exp gan.Experiment, o RunOptions) {
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGPIPE)
	code, err := keep(s, exp, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", oneLine(err))
	}
	os.Exit(code)
}

// keep serves a run until it is stopped and returns the process's exit code.
func keep(s start, exp gan.Experiment, o RunOptions) (code int, err error) {
	lock, err := lockRun(s.Dir)
	if err != nil {
		return exitBroken, err
	}
	if lock == nil {
		return exitTaken, errors.New("another process keeps this run")
	}
	defer lock.Unlock()
	if err := os.WriteFile(lock.Path(), fmt.Append(nil, os.Getpid()), 0o600); err != nil { // for who must end it
		return exitBroken, err
	}
	listener, err := private.Listen(s.Dir, detach.SocketFile)
	if err != nil {
		return exitBroken, err
	}
	socket := filepath.Join(s.Dir, detach.SocketFile)
	defer os.Remove(socket)
	defer listener.Close()

	now := time.Now()
	r := &resident{name: filepath.Base(s.Dir), dir: s.Dir, exp: exp, o: o.withDefaults(), jobs: make(chan job, 16),
		ended: make(chan struct{}), changed: make(chan struct{}), settled: true, lastSeen: now, savedAt: now, lookedAt: now,
		drawing: map[string]context.CancelFunc{}}
	r.status = Status{Name: r.name, Dir: s.Dir, State: Starting, Pid: os.Getpid(), Started: now,
		Light: show.Unlit, LightReason: "nothing was trained yet"}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		if !r.stop() { // there is nothing to save yet
			os.Remove(socket)
			os.Exit(exitStopped)
		}
	}()
	var answering sync.WaitGroup
	answering.Go(func() { r.accept(listener, &answering) })

	if err := r.prepare(s); err != nil {
		return exitBroken, err
	}
	err = r.work()
	close(r.ended)
	last := make(chan struct{}) // replies and figures that are under way
	go func() {
		r.figures.Wait() // they ask, too
		listener.Close()
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

const endPatience = 3 * time.Second // for the last replies and figures

// prepare compiles the step and brings back the run's state. The socket answers meanwhile.
func (r *resident) prepare(s start) error {
	data, err := gan.DescribeData(r.exp.Data)
	if err != nil {
		return err
	}
	definition, err := r.exp.SignatureOn(data)
	if err != nil {
		return err
	}
	before, err := readInfo(s.Dir)
	if err != nil && !errors.Is(err, errNoRun) {
		return err
	}
	if before != nil && !s.Adopt {
		if differences := definition.Differences(before.Definition); len(differences) > 0 {
			return fmt.Errorf("the run's experiment is another one: %s", listed(differences))
		}
	}
	r.update(func() {
		r.status.Signature, r.status.Data = definition, data
	})
	choice, err := device.Resolve(r.o.Backend)
	if err != nil {
		return err
	}
	if r.backend, err = device.Open(r.o.Backend); err != nil {
		return err
	}
	if r.trainer, err = gan.NewTrainer(r.backend, r.exp); err != nil {
		return err
	}
	r.exp = r.trainer.Experiment() // with its defaults
	initial := r.trainer.Settings()
	notice, err := r.restore(s, before)
	if err != nil {
		return err
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
	now := info{Version: protocolVersion, Definition: definition, Data: data, Initial: initial, Args: os.Args[1:],
		WorkDir: workDir, From: s.From}
	target := 0
	if before != nil {
		target, now.Loss = before.Status.Target, before.Loss
		if now.From == "" {
			now.From = before.From
		}
	}
	if exp.Loss.String() == r.exp.Loss.String() {
		now.Loss = ""
	}
	r.info = now
	r.update(func() {
		st := &r.status
		st.Notice, st.Backend = notice, r.backend.Description()
		st.Device, _, _ = strings.Cut(choice.Reason, ",")
		st.Latent, st.BatchSize = exp.Latent, exp.BatchSize
		if exp.ClassGenerator != nil {
			st.Classes = exp.Classes
		}
		if target > r.trainer.Step() {
			st.Target = target
		}
	})
	r.report()
	if err := r.save(); err != nil {
		return err
	}
	r.update(func() { r.ready = true })
	return nil
}

// restore brings back the newest checkpoint, if there is one, and cuts off of the history what came after it. notice says
// what was lost or carried over.
func (r *resident) restore(s start, before *info) (notice string, err error) {
	if r.history, err = openHistory(filepath.Join(r.dir, historyFile)); err != nil {
		return "", err
	}
	if r.ladder, err = openLadder(filepath.Join(r.dir, ladderDir)); err != nil {
		return "", err
	}
	dir := filepath.Join(r.dir, checkpointsDir)
	saved, err := gan.Checkpoints(dir)
	if err != nil && !errors.Is(err, gan.ErrNoCheckpoint) {
		return "", err
	}
	if rungs := r.ladder.rungs; len(saved) == 0 && len(rungs) > 0 { // it was killed while it went back, see goBack
		last := rungs[len(rungs)-1]
		saved = append(saved, gan.Checkpoint{Path: r.ladder.path(last), Step: last.step, Calls: last.calls})
	}
	if len(saved) == 0 {
		if r.history.n > 0 {
			notice = fmt.Sprintf("run %s ended before its first checkpoint: its %d steps are lost", r.name, r.history.n)
		}
		return notice, r.history.cut(0)
	}
	newest := saved[len(saved)-1]
	if before != nil && before.Loss != "" && !r.lossIsNew(before) {
		l, err := loss.Named(before.Loss)
		if err != nil {
			return "", err
		}
		if err := r.trainer.SetLoss(l); err != nil {
			return "", err
		}
	}
	if s.Adopt {
		initial := map[string]float64{}
		if before != nil {
			initial = before.Initial
		}
		fresh, err := r.trainer.Adopt(newest.Path, initial)
		if err != nil {
			return "", err
		}
		notice = fmt.Sprintf("run %s goes on at step %d with all of its weights", r.name, newest.Step)
		if len(fresh) > 0 {
			notice = fmt.Sprintf("run %s goes on at step %d; these start afresh: %s", r.name, newest.Step, shortList(fresh, 6))
		}
	} else if err := r.trainer.RestoreFile(newest.Path); err != nil {
		return "", err
	}
	if lost := r.history.n - r.trainer.Calls(); lost > 0 {
		last, err := r.history.last()
		if err != nil {
			return "", err
		}
		notice = fmt.Sprintf("run %s ended unexpectedly after step %d: it goes on from its last checkpoint, step %d; %d steps are lost",
			r.name, last.Step, r.trainer.Step(), lost)
	}
	if err := r.history.cut(r.trainer.Calls()); err != nil {
		return "", err
	}
	unsaved, err := cutChanges(filepath.Join(r.dir, changesFile), func(c change) bool { return c.Calls <= r.trainer.Calls() })
	if len(unsaved) > 0 {
		notice += fmt.Sprintf(", and with them what was set: %s", unsaved[len(unsaved)-1])
	}
	return notice, err
}

// lossIsNew tells whether the experiment's own loss is another one than at the time of before, which then holds.
func (r *resident) lossIsNew(before *info) bool {
	for _, part := range before.Definition.Parts {
		if part.Name == "loss" {
			return part.Summary != r.exp.Loss.String()
		}
	}
	return false
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
		g, stopping, changed, settled := r.goal, r.stopping, r.changed, r.settled
		idleSince, clients := r.lastSeen, r.clients
		r.mu.Unlock()
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
			err := r.save()
			if failed := r.present().State == Failed; failed {
				err = nil // there is nothing good to save, and the client knows
			}
			r.update(func() { r.saved = true })
			return err
		case g.on && g.reached(r.trainer):
			r.update(func() { r.goal.on = r.goal.on && r.goal != g })
		case g.on:
			r.step(g)
		case !settled:
			err := r.save()
			r.update(func() {
				r.settled = !r.goal.on
				if err != nil && r.status.Problem == "" {
					r.status.Problem = oneLine(err)
				}
			})
			r.report()
		default:
			idle := time.NewTimer(time.Until(idleSince.Add(r.o.Idle)))
			if r.o.Idle < 0 || clients > 0 {
				idle.Stop()
			}
			select {
			case j := <-r.jobs:
				r.run(j)
			case <-changed:
			case <-idle.C:
				fmt.Fprintf(os.Stderr, "lab: nobody has used run %s for %s: it is saved and ends\n", r.name, r.o.Idle)
				r.stop()
			}
			idle.Stop()
		}
	}
}

func (r *resident) run(j job) {
	if j.ctx.Err() == nil {
		j.do()
	}
}

// step makes one step towards the goal and records it.
func (r *resident) step(g goal) {
	p, err := r.advance(g.updates)
	if err != nil {
		r.update(func() {
			r.goal.on, r.settled = false, true
			r.status.Problem = oneLine(err)
		})
		r.report()
		return
	}
	m := Metric{Progress: p, Updates: g.updates, Calls: r.trainer.Calls(), Seconds: r.pace.seconds}
	err = r.history.add(m)
	if err == nil && time.Since(r.savedAt) >= r.o.Checkpoint {
		err = r.save()
	}
	if err == nil && r.view != nil && time.Since(r.lookedAt) >= lookEach {
		_, err = r.look()
	}
	if err != nil { // a full disk, say: it must not train on without a record
		r.update(func() { r.goal.on, r.status.Problem = false, oneLine(err) })
	}
	r.report()
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
	if err := r.history.file.Sync(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	dir := filepath.Join(r.dir, checkpointsDir)
	if err := r.trainer.Save(dir); err != nil {
		return err
	}
	if err := r.ladder.add(r.trainer.LastCheckpoint(), r.trainer.Step(), r.trainer.Calls()); err != nil {
		return err
	}
	now := time.Now()
	r.update(func() { r.savedAt, r.status.Checkpointed = now, r.trainer.Step() })
	return r.writeInfo()
}

// writeInfo writes what a later process, or one that only looks, must know.
func (r *resident) writeInfo() error {
	r.info.Status = r.present()
	st := &r.info.Status
	st.State, st.Pid, st.Memory, st.StepsPerSecond, st.Clients = Ended, os.Getpid(), 0, 0, 0
	st.Signature = gan.Signature{} // kept beside it
	return r.info.write(r.dir)
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
