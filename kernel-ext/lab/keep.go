package lab

import (
	"context"
	"errors"
	"path/filepath"

	"gantry.local/gan/method"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// Kept is a run that this very process keeps, as `gantry train` does: in all else it is a resident run, which any other
// process can open, list, sample and stop.
type Kept struct {
	*Run
	process *process.Keeper
	ended   chan struct{}
	err     error // why, once ended is closed
}

// Keep opens the run of an experiment in a folder, anew or from its last checkpoint, and keeps it in this process. It ends by
// End, or when another process stops it. The error is ErrLiving where another process keeps the run.
func Keep(ctx context.Context, dir string, of method.Description, o RunOptions) (*Kept, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	made, err := record.MakeDir(dir)
	if err != nil {
		return nil, err
	}
	o.Name, o.Idle = filepath.Base(dir), -1
	k := &Kept{Run: &Run{name: o.Name, dir: dir, of: of, o: o, made: made}, ended: make(chan struct{})}
	po := o.process()
	po.Check, po.Foreground = o.Check, true
	k.process, err = process.Begin(process.Start{Dir: dir, Weights: o.Changed == FromWeights}, of, po)
	if err != nil {
		k.cleanUp()
		return nil, err
	}
	go func() {
		defer close(k.ended)
		k.err = k.process.Run()
	}()
	s, err := k.process.Ready(ctx)
	if err == nil {
		k.notice = s.Notice
		return k, nil
	}
	if ctx.Err() == nil { // it has ended
		<-k.ended
		if err = k.err; err == nil {
			err = errors.New("it was stopped before it had trained")
		}
	}
	k.cleanUp()
	return nil, err
}

// Ended is closed when this process no longer keeps the run; Err then says why, or is nil.
func (k *Kept) Ended() <-chan struct{} { return k.ended }

// Err is why the run is no longer kept, nil where it was stopped in order.
func (k *Kept) Err() error { return k.err }

// End saves the run and lets go of it, within the time that a process has which is told to end. A run that cannot be saved,
// because the disk is full, say, is tried for a while; the error says so.
func (k *Kept) End() error {
	if !k.process.End() {
		return nil
	}
	<-k.ended
	return k.err
}
