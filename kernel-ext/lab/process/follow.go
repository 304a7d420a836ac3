package process

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"gantry.local/kernel-ext/lab/record"
)

const eventsEvery = 50 * time.Millisecond // between two events to one client

// records are those of all calls so far that are kept one by one, the first of them that of call first+1.
func (r *Keeper) records(ctx context.Context) (records []byte, first int, err error) {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return nil, 0, err
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

// lastFew is how many of the last steps are told one by one even to who takes stretches.
const lastFew = 2000

// follow tells what is recorded from a call on, and what changes, until the client has enough or the process ends.
func (r *Keeper) follow(ctx context.Context, a FollowArgs, tell func(e EventReply, content []byte) error) error {
	sent := a.After
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
		e := EventReply{Columns: r.columns(ready), Rewound: rewound, Status: now}
		var content []byte
		told := sent
		if ready {
			var err error
			if content, told, err = r.told(&e, sent, calls, a.Joined); err != nil {
				return err
			}
		}
		if err := tell(e, content); err != nil {
			return err
		}
		any := told > sent
		if sent = told; any && sent < calls {
			continue
		}
		if ending {
			return nil
		}
		pause, cancel := context.WithTimeout(ctx, eventsEvery)
		r.wait(pause, func() bool { return !any && r.status.Calls > sent }) // a step after a rest is told at once
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

// told are the next calls after sent, in an event: stretches of those that need not be told one by one, or cannot be any more, and
// records. end is the last of them.
func (r *Keeper) told(e *EventReply, sent, calls, joined int) (content []byte, end int, err error) {
	const most = 20_000 // records in an event
	for {
		whole := max(sent, min(r.history.First(), calls), min(joined, calls-lastFew))
		var packed []byte
		if whole > sent {
			all, err := r.history.Stretches(sent, whole, record.MostStretches)
			if err != nil {
				return nil, 0, err
			}
			packed = e.Columns.PackStretches(all)
		}
		records, first, err := r.history.Read(whole, min(calls, whole+most))
		if err != nil {
			return nil, 0, err
		}
		if first > whole {
			continue // it was condensed meanwhile
		}
		e.Earlier, e.First = len(packed), whole
		return append(packed, records...), whole + len(records)/e.Columns.Size(), nil
	}
}

// events are what follow tells, in stretches where it can; the last is an error, that of ctx or of a process that ends.
func (r *Keeper) events(ctx context.Context, after int) iter.Seq2[record.Event, error] {
	return func(yield func(record.Event, error) bool) {
		enough := errors.New("enough")
		err := r.follow(ctx, FollowArgs{After: after, Joined: math.MaxInt}, func(e EventReply, content []byte) error {
			if !yield(e.Event(content), nil) {
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
