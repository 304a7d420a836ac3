package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockSetup keeps two set-ups of one checkout apart: the second waits for the first.
func lockSetup(ctx context.Context, o Options) (unlock func(), err error) {
	if err := os.MkdirAll(bin(o.Root), 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(bin(o.Root), ".setup.lock"))
	held, err := lock.TryLock()
	if err == nil && !held {
		fmt.Fprintln(o.Out, "another set-up of this checkout is running; waiting for it")
		held, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err == nil && !held {
		err = errors.New("it is held")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock the set-up: %w", err)
	}
	return func() { lock.Unlock() }, nil
}
