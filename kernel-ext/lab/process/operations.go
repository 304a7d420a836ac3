package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// operations are what a run's process can be asked, by name.
func (r *Keeper) operations() map[string]operation {
	return map[string]operation{
		"status": told(r, func(context.Context, none) error { return nil }),
		"ready":  told(r, func(ctx context.Context, _ none) error { return r.wait(ctx, func() bool { return r.ready }) }),
		"known": told(r, func(ctx context.Context, _ none) error { // what this process keeps is known, if not compiled
			return r.wait(ctx, func() bool { return r.status.Signature.Parts != nil })
		}),
		"train":      result(r.train),
		"wait":       told(r, r.reach),
		"pause":      told(r, func(ctx context.Context, _ none) error { r.pause(ctx); return nil }),
		"resume":     told(r, func(ctx context.Context, _ none) error { return r.resume(ctx) }),
		"set":        told(r, func(ctx context.Context, a SetArgs) error { return r.between(ctx, func() error { return r.set(a) }) }),
		"checkpoint": told(r, func(ctx context.Context, _ none) error { return r.between(ctx, r.save) }),
		"weights":    told(r, r.weights),
		"branch":     told(r, r.branch),
		"figure":     told(r, r.figure),
		"host":       told(r, r.host),
		"stop":       r.stopped,
		"rewind":     result(r.rewind),
		"sample":     content(r.rendered),
		"look":       content(func(ctx context.Context, _ none) (view.Look, []byte, error) { return r.lookBetween(ctx) }),
		"picture": content(func(ctx context.Context, _ none) (none, []byte, error) {
			png, err := r.picture(ctx)
			return none{}, png, err
		}),
		"export": content(func(ctx context.Context, batch int) (none, []byte, error) {
			model, err := r.export(ctx, batch)
			return none{}, model, err
		}),
		"metrics": content(func(ctx context.Context, _ none) (EventReply, []byte, error) {
			records, first, err := r.records(ctx)
			return EventReply{Columns: r.columns(err == nil), First: first}, records, err
		}),
		"follow": func(ctx context.Context, q resident.Request, send resident.Send) error {
			a, err := arguments[FollowArgs](q)
			if err != nil {
				return err
			}
			return r.follow(ctx, a, func(e EventReply, content []byte) error { return send(e, content) })
		},
	}
}

// operation answers a request.
type operation func(ctx context.Context, q resident.Request, send resident.Send) error

// none is for a request without arguments, or an answer without a value.
type none struct{}

// arguments are those of a request.
func arguments[A any](q resident.Request) (a A, err error) {
	if _, is := any(a).(none); is {
		return a, nil
	}
	if err := json.Unmarshal(q.Args, &a); err != nil {
		return a, fmt.Errorf("request %s: %w", q.Op, err)
	}
	return a, nil
}

// content is an operation that answers with a value and bytes beside it.
func content[A, B any](do func(context.Context, A) (B, []byte, error)) operation {
	return func(ctx context.Context, q resident.Request, send resident.Send) error {
		a, err := arguments[A](q)
		if err != nil {
			return err
		}
		value, bytes, err := do(ctx, a)
		if err != nil {
			return err
		}
		return send(value, bytes)
	}
}

// result is an operation that answers with a value.
func result[A, B any](do func(context.Context, A) (B, error)) operation {
	return content(func(ctx context.Context, a A) (value B, _ []byte, err error) {
		value, err = do(ctx, a)
		return value, nil, err
	})
}

// told is an operation that answers with how the run is then.
func told[A any](r *Keeper, do func(context.Context, A) error) operation {
	return result(func(ctx context.Context, a A) (record.Status, error) {
		if err := do(ctx, a); err != nil {
			return record.Status{}, err
		}
		return r.present(), nil
	})
}

// answer answers a request.
func (r *Keeper) answer(operations map[string]operation) func(context.Context, resident.Request, resident.Send) error {
	return func(ctx context.Context, q resident.Request, send resident.Send) error {
		if q.Pid != os.Getpid() { // as `gantry train` asks, which keeps its run itself
			r.update(func() {
				r.clients++
				if q.Channel != "" {
					r.status.Channel = q.Channel
				}
			})
			defer r.update(func() { r.clients--; r.lastSeen = time.Now() })
		}
		if do, known := operations[q.Op]; known {
			return do(ctx, q, send)
		}
		return fmt.Errorf("this process knows no request %q", q.Op)
	}
}

// stopped saves and ends, and answers when all is saved.
func (r *Keeper) stopped(ctx context.Context, q resident.Request, send resident.Send) error {
	r.mu.Lock()
	refused := r.refused
	r.mu.Unlock()
	if !r.stop() {
		defer r.exit() // there is nothing to save yet
		return send(r.present(), nil)
	}
	why := ""
	err := r.wait(ctx, func() bool {
		if why = r.status.Unsaved; r.refused == refused {
			why = ""
		}
		return r.saved || why != ""
	})
	if err != nil && !errors.Is(err, ErrEnding) {
		return err
	}
	if why != "" {
		return &saidError{fmt.Sprintf("run %s is not ended: it %s; `kill %d` ends it without the steps since", r.name, why, os.Getpid()), ErrUnsaved}
	}
	return send(r.present(), nil)
}
