package sweep

import (
	"context"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Local trains what is missing on this machine, so many trials at once as the spec has slots, and says to log what becomes of each. A trial
// that fails keeps no other from training. ctx's end has all save and end. The error is of the sweep, not of its trials: Code tells those.
func (s *Sweep) Local(ctx context.Context, log io.Writer) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	said := &lines{to: log}
	var slots errgroup.Group
	slots.SetLimit(s.Spec.slots())
	for _, t := range s.Missing() {
		slots.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			o, err := s.Run(ctx, t, s.Spec.Steps, nil, nil)
			said.add("%s\n", s.told(t, o))
			if err != nil {
				said.add("trial %d: cannot note what became of it: %v\n", t.Index, err)
			}
			return nil
		})
	}
	return slots.Wait()
}

// Missing are the trials for which there is something to do.
func (s *Sweep) Missing() []Trial {
	var missing []Trial
	for _, r := range s.Rows() {
		if r.State != Done && r.State != Stopped && r.State != Diverged {
			missing = append(missing, r.Trial)
		}
	}
	return missing
}

// told says in a line what became of a trial.
func (s *Sweep) told(t Trial, o Outcome) string {
	text := fmt.Sprintf("trial %d of %d, %s: %s", t.Index, len(s.Trials), t, o.State)
	r := s.row(t)
	switch {
	case o.Problem != "":
		text += ": " + o.Problem
	case r.HasValue():
		text += fmt.Sprintf(", %s %.5g", s.Spec.Metric, r.Value)
	}
	return fmt.Sprintf("%s (%.1f s)", text, o.Seconds)
}

// lines writes the lines of many, each in one piece.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) add(format string, values ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.to, format, values...)
}
