package process

import (
	"context"
	"errors"
	"iter"
	"time"

	"gantry.local/kernel-ext/lab/record"
)

const eventsEvery = 50 * time.Millisecond // between two events to one client

// records are those of all calls so far.
func (r *Keeper) records(ctx context.Context) ([]byte, error) {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return nil, err
	}
	r.mu.Lock()
	calls := r.status.Calls
	r.mu.Unlock()
	return r.history.Read(0, calls)
}

// columns are those of the history, once it is there.
func (r *Keeper) columns(ready bool) record.Columns {
	if !ready {
		return record.Columns{}
	}
	return r.history.Columns()
}

// follow tells what is recorded from a call on, and what changes, until the client has enough or the process ends.
func (r *Keeper) follow(ctx context.Context, sent int, tell func(e EventReply, records []byte) error) error {
	const most = 20_000 // records in an event
	r.mu.Lock()
	rewinds := r.rewinds
	r.mu.Unlock()
	for {
		r.mu.Lock()
		now, changed := r.now(), r.changed // at one moment: the records are all that the status knows of
		calls, ready, ending := now.Calls, r.ready, r.saved
		rewound := rewinds != r.rewinds || ready && calls < sent
		rewinds = r.rewinds
		r.mu.Unlock()
		if rewound {
			sent = 0
		}
		var records []byte
		if end := min(calls, sent+most); ready && end > sent {
			var err error
			if records, err = r.history.Read(sent, end); err != nil {
				return err
			}
		}
		if err := tell(EventReply{First: sent, Columns: r.columns(ready), Rewound: rewound, Status: now}, records); err != nil {
			return err
		}
		if ready {
			sent += len(records) / r.history.Columns().Size()
		}
		if ready && sent < calls && len(records) > 0 {
			continue
		}
		if ending {
			return nil
		}
		pause, cancel := context.WithTimeout(ctx, eventsEvery)
		r.wait(pause, func() bool { return len(records) == 0 && r.status.Calls > sent }) // a step after a rest is told at once
		cancel()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ended:
			return ErrEnding
		}
	}
}

// events are what follow tells; the last is an error, that of ctx or of a process that ends.
func (r *Keeper) events(ctx context.Context, after int) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		enough := errors.New("enough")
		err := r.follow(ctx, after, func(e EventReply, records []byte) error {
			if !yield(record.Event{Metrics: e.Columns.Metrics(records, e.First), Rewound: e.Rewound, Status: e.Status}, nil) {
				return enough
			}
			return nil
		})
		if err == nil {
			err = ErrEnding
		}
		if err != enough {
			yield(record.Event{}, err)
		}
	}
}
