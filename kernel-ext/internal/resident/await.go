package resident

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

// ExitTaken is the exit code of a process that ends because another one keeps its folder.
const ExitTaken = 3

// ExitError is the error of a process that ended before it was of use.
type ExitError struct{ Err error } // of Process.Err

// Error says that it ended.
func (e *ExitError) Error() string { return fmt.Sprintf("it ended: %v", e.Err) }

// Unwrap returns the reason, nil for exit code 0.
func (e *ExitError) Unwrap() error { return e.Err }

// LateError is the error of a process that has not come to where it listens. It goes on.
type LateError struct {
	Pid    int
	Waited time.Duration
}

// Error says for how long it was waited.
func (e *LateError) Error() string {
	return fmt.Sprintf("process %d does not listen after %s", e.Pid, e.Waited)
}

// Await waits until a process listens in the folder: p, which was just started, or, where that found the folder taken
// (ExitTaken) or p is nil, the one that has it. It also returns nil when that other one has ended: the folder is nobody's then,
// and one can begin again. p has patience to come, once more, to where it listens. The error is an ExitError, a LateError, a
// SilentError, private.ErrForeign or that of ctx.
func (c Client) Await(ctx context.Context, p *Process, patience time.Duration) error {
	var exited <-chan struct{}
	var v *vigil
	if p != nil {
		exited, v = p.Exited(), c.watch(p.Pid, time.Now())
	} else {
		v = c.watch(Keeper(c.Dir), time.Now())
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := c.connect(ctx)
		switch {
		case err == nil:
			return conn.Close()
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, private.ErrForeign):
			return err
		case !nobodyListens(err):
			return c.silent(0)
		}
		select {
		case <-exited:
			if exitCode(p.Err()) != ExitTaken {
				return &ExitError{p.Err()}
			}
			exited, p, v = nil, nil, c.watch(Keeper(c.Dir), time.Now())
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		switch {
		case p == nil && !Kept(c.Dir):
			return nil
		case p == nil && v.over(v.patience):
			return c.silent(0)
		case p != nil && v.over(patience) && Stopped(p.Pid):
			return c.silent(p.Pid)
		case p != nil && time.Since(v.begun) > patience:
			return &LateError{p.Pid, patience}
		}
	}
}

func exitCode(err error) int {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
