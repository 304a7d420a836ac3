package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

// Keeper is that of a run. One goroutine, that of work, owns the trainer and all that is written to the run's
// folder; the others answer clients: from what mu guards where they can, and else by a job that work does between two
// steps.
type Keeper struct {
	start     Start
	name, dir string
	place     *place
	of        method.Description // what it trains
	data      data.Set           // the first of it, once it is ready
	o         KeepOptions
	backend   compute.Backend
	jobs      chan task
	ended     chan struct{} // closed when work is over
	server    resident.Server

	// work's own
	trainer  *train.Trainer
	view     *view.View
	distance *distance // nil: it is not measured
	last     train.Progress
	history  *record.History
	ladder   *record.Ladder
	info     record.Info
	savedAt  time.Time
	triedAt  time.Time // to save
	lookedAt time.Time
	shown    *shownLook // the last
	pace     tempo
	compiled map[method.Variant]bool // the steps that were made since the process began
	sampled  bool                    // samples were drawn since then
	asSaved  bool                    // it was opened from its newest checkpoint, which says all of it
	forget   func() error            // removes from the folder what came after the state that the run went back to; nil: nothing is left of it

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
	status   record.Status
	rewinds  int // how often the run went back
	clients  int
	lastSeen time.Time // when the last client left

	guests guests        // panels, explorers and figures
	budget figure.Budget // of the pictures of panels and figures
}

func newProcess(s Start, place *place, of method.Description, o KeepOptions) *Keeper {
	now := time.Now()
	r := &Keeper{start: s, name: filepath.Base(s.Dir), dir: s.Dir, place: place, of: of, o: o, jobs: make(chan task, 16),
		ended: make(chan struct{}), changed: make(chan struct{}), settled: true, lastSeen: now, savedAt: now, lookedAt: now,
		compiled: map[method.Variant]bool{}}
	r.status = record.Status{Name: r.name, Dir: s.Dir, State: record.Starting, Pid: os.Getpid(), Started: now,
		Light: show.Unlit, LightReason: "nothing was trained yet"}
	return r
}

// goal is what the run is to do.
type goal struct {
	on    bool
	alone string // the network that moves alone; "": an ordinary training
	step  int    // at which an ordinary training ends
	calls int    // at which steps of one network alone end
	ask   int    // of the Train that set it; a second, equal one joins it
}

func (g goal) reached(t *train.Trainer) bool {
	if g.alone == "" {
		return t.Step() >= g.step
	}
	return t.Calls() >= g.calls
}

// task is something to do between two steps.
type task struct {
	ctx context.Context
	do  func()
}

// update changes what mu guards, and tells those who wait for a change.
func (r *Keeper) update(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait waits until cond, called under mu, is true.
func (r *Keeper) wait(ctx context.Context, cond func() bool) error {
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
			return ErrEnding
		}
	}
}

// stop asks work to save and end; false when work has not begun.
func (r *Keeper) stop() bool {
	begun := false
	r.update(func() { r.stopping, r.goal.on, begun = true, false, r.ready })
	return begun
}

// between does something between two steps and waits for it.
func (r *Keeper) between(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	select {
	case r.jobs <- task{ctx, func() {
		err := do()
		r.report() // who asked sees what came of it
		done <- err
	}}:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return ErrEnding
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ended:
		return ErrEnding
	}
}

// made is what do makes between two steps.
func made[T any](ctx context.Context, r *Keeper, do func() (T, error)) (T, error) {
	var value, none T
	err := r.between(ctx, func() (err error) {
		value, err = do()
		return err
	})
	if err != nil { // do may be under way still
		return none, err
	}
	return value, nil
}

// ending is ErrEnding when the process is to stop.
func (r *Keeper) ending() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return ErrEnding
	}
	return nil
}

// lose ends the run without saving.
func (r *Keeper) lose(why error) {
	begun := false
	r.update(func() { r.lost, r.stopping, r.goal.on, begun = why, true, false, r.ready })
	if !begun {
		r.exit()
	}
}

// Exit codes of a run's process.
const (
	exitStopped = 0
	exitBroken  = 1 // the last line of the log says why
)

// exit ends the process at once.
func (r *Keeper) exit() {
	r.server.Close()
	r.place.leave()
	if r.o.Foreground {
		fmt.Fprintf(os.Stderr, "gantry: run %s was stopped before it had trained\n", r.name)
		os.Exit(exitBroken)
	}
	os.Exit(exitStopped)
}

// present is the status as it is now, for a reply.
func (r *Keeper) present() record.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now()
}

// now is present, called under mu.
func (r *Keeper) now() record.Status {
	st := r.status
	switch {
	case !r.ready:
		st.State = record.Starting
	case st.Problem != "":
		st.State = record.Failed
	case r.goal.on || !r.settled:
		st.State = record.Training
	default:
		st.State, st.StepsPerSecond = record.Paused, 0
	}
	if r.ready {
		st.CheckpointAge = time.Since(r.savedAt)
	}
	st.Memory, st.Clients = memoryInUse(), r.clients
	return st
}

// words are an error's, with the folder's name.
func (r *Keeper) words(err error) string {
	return strings.ReplaceAll(record.OneLine(err), r.place.path, r.dir)
}

// tempo measures how fast a run trains; pauses and compilations between steps do not count.
type tempo struct {
	seconds float64   // of training in all
	recent  []float64 // of the last steps
}

const paceSteps = 50

func (p *tempo) add(d time.Duration) {
	p.seconds += d.Seconds()
	p.recent = append(p.recent[max(0, len(p.recent)+1-paceSteps):], d.Seconds())
}

func (p *tempo) perSecond() float64 {
	sum := 0.0
	for _, seconds := range p.recent {
		sum += seconds
	}
	if sum <= 0 {
		return 0
	}
	return float64(len(p.recent)) / sum
}

// shownLook is a look, with the bytes beside it and the calls after which it was.
type shownLook struct {
	view.Look
	bytes []byte
	calls int
}

// report publishes where the trainer stands.
func (r *Keeper) report() {
	settings, l := r.trainer.Settings(), lossOf(r.trainer.Description())
	var privacy *method.PrivacySpent
	if spent, private := gan.Spent(r.trainer); private {
		privacy = &spent
	}
	light, reason := r.view.Light()
	steps := r.ladder.Steps()
	r.update(func() {
		st := &r.status
		st.Step, st.Calls, st.Epoch, st.Seconds = r.trainer.Step(), r.trainer.Calls(), r.last.Epoch, r.pace.seconds
		st.StepsPerSecond = r.pace.perSecond()
		st.Settings, st.Loss, st.Privacy = settings, l, privacy
		st.Light, st.LightReason, st.Checkpoints = light, reason, steps
	})
}
