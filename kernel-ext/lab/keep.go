package lab

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"time"

	"gantry.local/gan"
)

// Kept is a run that this very process keeps, as `gantry train` does: in all else it is a resident run, which any other
// process can open, list, sample and stop.
type Kept struct {
	*Run
	resident atomic.Pointer[resident]
	ended    chan struct{}
	err      error // why, once ended is closed
}

// ErrLiving is the error of Keep where another process keeps the run.
var ErrLiving = errors.New("another process is training there")

// Keep opens the run of an experiment in a folder, anew or from its last checkpoint, and keeps it in this process. It ends by
// End, or when another process stops it.
func Keep(ctx context.Context, dir string, exp gan.Experiment, o RunOptions) (*Kept, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	made, err := makeDir(dir)
	if err != nil {
		return nil, err
	}
	o.Name, o.Idle = filepath.Base(dir), -1
	k := &Kept{Run: &Run{name: o.Name, dir: dir, exp: &exp, o: o, made: made}, ended: make(chan struct{})}
	o.kept = k
	code := exitStopped
	go func() {
		defer close(k.ended)
		code, k.err = keep(start{Dir: dir, Weights: o.Changed == FromWeights}, exp, o)
	}()
	var s Status
	for {
		conn, err := k.connect(ctx)
		if err == nil {
			conn.Close()
			if err = k.call(ctx, "ready", nil, &s); err == nil {
				k.notice = s.Notice
				return k, nil
			}
		}
		select {
		case <-k.ended:
			k.cleanUp()
			if code == exitTaken {
				return nil, ErrLiving
			}
			if k.err == nil {
				k.err = errors.New("it was stopped before it had trained")
			}
			return nil, k.err
		case <-ctx.Done():
			k.cleanUp()
			return nil, ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Ended is closed when this process no longer keeps the run; Err then says why, or is nil.
func (k *Kept) Ended() <-chan struct{} { return k.ended }

// Err is why the run is no longer kept, nil where it was stopped in order.
func (k *Kept) Err() error { return k.err }

// End saves the run and lets go of it, within the time that a process has which is told to end. A run that cannot be saved,
// because the disk is full, say, is tried for a while; the error says so.
func (k *Kept) End() error {
	r := k.resident.Load()
	r.update(func() { r.must = true })
	if r.stop() && r.atRest() {
		<-k.ended
		return k.err
	}
	r.place.leave()
	return nil
}
