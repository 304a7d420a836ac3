package process

import (
	"errors"
	"fmt"

	"gantry.local/kernel-ext/lab/record"
)

// ErrPaused is the error of Run.Train and its like when the run is paused before the last step, by an interrupt of the
// cell or by another client.
var ErrPaused = errors.New("paused")

// ErrUnsaved is the error of a run that cannot be saved now, because the disk is full, say. Its steps are good in memory,
// and it saves them by itself when it can.
var ErrUnsaved = errors.New("it cannot be saved")

// ErrLiving is the error of Begin where another process keeps the run.
var ErrLiving = errors.New("another process keeps this run")

// ErrEnding is the error of what is asked of a run whose process ends.
var ErrEnding = errors.New("the run's process is ending")

// errUndone is why a process that ends on the way back saves nothing.
var errUndone = errors.New("the run stays where it was")

// PausedAt is the error of a run that paused before the step, or the call for steps of one network alone, that was waited for.
func PausedAt(st record.Status, until int, alone string) error {
	if st.Unsaved != "" {
		return &saidError{fmt.Sprintf("run %s: paused after step %d of %d: it %s, and run.Resume() goes on", st.Name, st.Step, until, st.Unsaved),
			errors.Join(ErrPaused, ErrUnsaved)}
	}
	if alone != "" {
		return fmt.Errorf("run %s: %w before all of its steps were done", st.Name, ErrPaused)
	}
	return fmt.Errorf("run %s: %w after step %d of %d; run.Resume() goes on", st.Name, ErrPaused, st.Step, until)
}

// saidError is an error in words of its own.
type saidError struct {
	words string
	is    error
}

// Error says them.
func (e *saidError) Error() string { return e.words }

// Unwrap tells what it is.
func (e *saidError) Unwrap() error { return e.is }
