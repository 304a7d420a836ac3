package sweep

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
)

// lookEach is how often the trials' folders are looked at while another engine trains.
const lookEach = 500 * time.Millisecond

// sweepCommand is what starts `gantry sweep`.
func (s *Sweep) sweepCommand() []string {
	return append(s.train.Command[:len(s.train.Command)-1:len(s.train.Command)-1], "sweep")
}

// ownEnvironment are the variables by which this program finds its things, for a process that is not its child.
func ownEnvironment() map[string]string {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "GANTRY_") || strings.HasPrefix(name, "GOMLX_") || name == "XLA_FLAGS" || name == "GOEXPERIMENT" {
			env[name] = value
		}
	}
	return env
}

// tell says to log what becomes of trials that others train, until it is ended; told is closed when all is said.
func (s *Sweep) tell(ctx context.Context, log io.Writer) (end func(), told <-chan struct{}) {
	ctx, end = context.WithCancel(ctx)
	done := make(chan struct{})
	before := map[string]time.Time{}
	for _, t := range s.Trials {
		o, _ := s.outcome(t)
		before[t.Name] = o.Ended
	}
	look := func() {
		for _, t := range s.Trials {
			if o, ended := s.outcome(t); ended && !o.Ended.Equal(before[t.Name]) {
				before[t.Name] = o.Ended
				fmt.Fprintln(log, s.told(t, o))
			}
		}
	}
	go func() {
		defer close(done)
		defer look()
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(lookEach):
				look()
			}
		}
	}()
	return end, done
}

// awaitEnds waits until no trial has a process.
func (s *Sweep) awaitEnds(patience time.Duration) {
	end := time.Now().Add(patience)
	for _, t := range s.Trials {
		if dir := s.dirOf(t); record.Lives(dir) {
			resident.AwaitEnd(dir, time.Until(end))
		}
	}
}

// orphans reports trials that an engine which has ended left without an outcome.
func (s *Sweep) orphans(engine string) error {
	left := 0
	for _, r := range s.Rows() {
		if r.State.code() == CodeInterrupted {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s has ended and %d trials are not done; the same command goes on", ErrEngine, engine, left)
}
