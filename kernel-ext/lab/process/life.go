// Package process is the process of a run: it has the trainer, makes the steps, writes the run's folder, and does what
// clients ask for. Package lab is the client.
//
// Reading order, each file using those of later lines alone: life.go (from its begin to its end); loop.go (what it does
// next), operations.go (what it can be asked: the table), prepare.go (what comes before the first step), watch.go (whether
// its folder is still its own); rewind.go, fork.go, host.go (panels and figures); goal.go (train, wait, pause), step.go with distance.go,
// restore.go, follow.go; samples.go, set.go; save.go, requests.go (what is said over the socket); state.go (what all of
// them share, and how they take turns); guests.go, place.go, options.go; errors.go and the system's part.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gantry.local/gan/method"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
)

// Serve makes this process that of a run, and does not return.
func Serve(s Start, of method.Description, o KeepOptions) {
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGPIPE)
	r, err := Begin(s, of, o)
	if err == nil {
		terminate := make(chan os.Signal, 1)
		signal.Notify(terminate, syscall.SIGTERM)
		go func() {
			<-terminate
			r.terminate()
		}()
		err = r.serve()
	}
	code := exitStopped
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", record.OneLine(err))
		code = exitBroken
	}
	if errors.Is(err, ErrLiving) {
		code = resident.ExitTaken
	}
	if r != nil { // who waits for that reads why
		r.leave()
	}
	os.Exit(code)
}

// Begin lets this process keep a run: it takes the run's folder, and answers.
func Begin(s Start, of method.Description, o KeepOptions) (*Keeper, error) {
	if err := record.Trusted(s.Dir); err != nil {
		return nil, err
	}
	place, err := take(s.Dir)
	if err != nil {
		return nil, err
	}
	if place == nil {
		return nil, ErrLiving
	}
	r := newProcess(s, place, of, o.withDefaults())
	r.server = resident.Server{Protocol: Protocol(), Answer: r.answer(r.operations()), Words: r.words}
	if err := r.server.Listen(s.Dir); err != nil {
		place.leave()
		return nil, err
	}
	go r.watchPlace()
	return r, nil
}

// Run serves the run until it is stopped. The error says why it could not go on.
func (r *Keeper) Run() error {
	defer r.leave()
	return r.serve()
}

// leave gives the run's folder back.
func (r *Keeper) leave() {
	r.server.Close()
	r.place.leave()
}

// serve is Run, and keeps the folder.
func (r *Keeper) serve() error {
	if err := r.prepare(); err != nil {
		close(r.ended)
		return err
	}
	err := r.work()
	close(r.ended)
	r.mu.Lock()
	patience := stopPatience
	if r.must {
		patience = endPatience
	}
	r.mu.Unlock()
	last := make(chan struct{}) // replies and figures that are under way
	go func() {
		r.guests.leave()
		r.server.Close()
		r.server.Wait(patience)
		close(last)
	}()
	select {
	case <-last:
	case <-time.After(patience):
	}
	r.backend.Finalize()
	return err
}

// For the last replies and figures. A run that is stopped has more of it, for its client waits.
const (
	stopPatience = 8 * time.Second
	endPatience  = 3 * time.Second
)

// Ready waits until the run can train, and returns how it is then.
func (r *Keeper) Ready(ctx context.Context) (record.Status, error) {
	err := r.wait(ctx, func() bool { return r.ready })
	return r.present(), err
}

// End saves the run and lets go of it, within the time that a process has which is told to end; false where there was nothing
// to save yet. A run that cannot be saved, because the disk is full, say, is tried for a while.
func (r *Keeper) End() bool {
	r.update(func() { r.must = true })
	if r.stop() && r.atRest() {
		return true
	}
	r.leave()
	return false
}

// terminate saves and ends within the ten seconds that a system gives at its shutdown. Work saves between two steps;
// whatever takes longer than a step, such as a compilation, begins with all saved, so that it need not be waited for.
func (r *Keeper) terminate() {
	if !r.End() {
		os.Exit(exitStopped)
	}
}

// atRest waits for work to be over; false when it is not, soon, and has nothing to save.
func (r *Keeper) atRest() bool {
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
