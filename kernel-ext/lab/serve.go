package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gantry.local/gan"
	"gantry.local/gan/export"
	"gantry.local/gan/loss"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/show"
)

const (
	pausePatience = 500 * time.Millisecond // after which a pause is answered though the step is still running
	eventsEvery   = 50 * time.Millisecond  // between two events to one client
	writePatience = 30 * time.Second       // for a client that does not read
	requestTime   = 10 * time.Second       // for a client to say what it wants

	mostSteps   = 1_000_000_000_000
	mostSamples = 1_000_000 // in an answer, whose size is bounded by largestBytes too
	sampleChunk = 1000      // between two looks at whether they are still wanted
)

// answer answers the one request of a connection, and says every now and then that it will.
func (r *resident) answer(conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(requestTime))
	var q request
	if _, err := readFrame(conn, &q, 0); err != nil {
		return
	}
	conn.SetReadDeadline(time.Time{})
	if q.Pid != os.Getpid() { // a panel that lives in this process keeps no run alive
		r.update(func() {
			r.clients++
			if q.Channel != "" {
				r.status.Channel = q.Channel
			}
		})
		defer r.update(func() { r.clients--; r.lastSeen = time.Now() })
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // the client says no more, so what can be read is its end
		io.Copy(io.Discard, conn)
		cancel()
	}()
	var writing sync.Mutex
	write := func(answer reply, bytes []byte) error {
		writing.Lock()
		defer writing.Unlock()
		answer.Version = protocolVersion
		conn.SetWriteDeadline(time.Now().Add(writePatience))
		return writeFrame(conn, answer, bytes)
	}
	go func() {
		alive := time.NewTicker(aliveEvery)
		defer alive.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-alive.C:
				if write(reply{Kind: kindAlive}, nil) != nil {
					return
				}
			}
		}
	}()
	send := func(body any, bytes []byte) error {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		return write(reply{Body: text}, bytes)
	}
	if err := r.serveSafely(ctx, q, send); err != nil && ctx.Err() == nil {
		write(reply{Error: r.words(err), Kind: kindsOf(err)}, nil)
	}
}

// serveSafely is serve, where a mistake in one request is that request's error and not the end of the run.
func (r *resident) serveSafely(ctx context.Context, q request, send func(body any, bytes []byte) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("request %s: %v", q.Op, reason)
		}
	}()
	return r.serve(ctx, q, send)
}

// Arguments and results of the requests.
type (
	trainArgs struct {
		N    int // more steps, or
		To   int // until this step
		Ask  int // as goal.ask
		Kind Updates
	}
	goalReply struct {
		Until  int  // the step, or call for one network alone, at which the goal is reached
		Joined bool // it was under way
	}
	waitArgs struct {
		Kind  Updates
		Until int
	}
	setArgs struct {
		Name  string
		Value float64
		Loss  string
	}
	sampleArgs struct {
		N       int
		Seed    int64
		Z       []float32 `json:",omitempty"` // in the place of the two above
		Classes []int32   `json:",omitempty"` // of Z
		As      string    `json:",omitempty"` // what Rendered makes of them, in the place of numbers
	}
	imagesReply struct{ N, H, W, C int }
	shown       struct { // one look at the samples
		Step, Columns int
		Images        imagesReply // of the samples that follow, or a PNG follows
		Picture       bool
		Light         show.Light
		Note          string
		Stood         time.Duration // for which the training stood still

		calls int
		bytes []byte
	}
	figureArgs struct {
		Channel string // path of the socket of the notebook's kernel
		Until   int
	}
	followArgs struct {
		After int // calls
	}
	eventReply struct {
		First   int // the records that follow are those of calls First+1, …
		Rewound bool
		Status  Status
	}
	rewindReply struct {
		Step, From int // where it is now, and the checkpoint it started at
		Exact      bool
	}
)

// serve does what a request asks for.
func (r *resident) serve(ctx context.Context, q request, send func(body any, bytes []byte) error) error {
	if q.Version != protocolVersion {
		return fmt.Errorf("%w: its process speaks version %d and this program version %d", errVersion, protocolVersion, q.Version)
	}
	arguments := func(to any) error {
		if err := json.Unmarshal(q.Args, to); err != nil {
			return fmt.Errorf("request %s: %w", q.Op, err)
		}
		return nil
	}
	ok := func(err error) error {
		if err != nil {
			return err
		}
		return send(r.present(), nil)
	}
	switch q.Op {
	case "status":
		return ok(nil)
	case "ready":
		return ok(r.wait(ctx, func() bool { return r.ready }))
	case "known": // what this process keeps is known, if not compiled
		return ok(r.wait(ctx, func() bool { return r.status.Signature.Parts != nil }))
	case "train":
		var a trainArgs
		if err := arguments(&a); err != nil {
			return err
		}
		reply, err := r.train(ctx, a)
		if err != nil {
			return err
		}
		return send(reply, nil)
	case "wait":
		var a waitArgs
		if err := arguments(&a); err != nil {
			return err
		}
		return ok(r.reach(ctx, a))
	case "pause":
		r.pause(ctx)
		return ok(nil)
	case "resume":
		return ok(r.resume(ctx))
	case "set":
		var a setArgs
		if err := arguments(&a); err != nil {
			return err
		}
		return ok(r.between(ctx, func() error { return r.set(a) }))
	case "sample":
		return r.sample(ctx, q.Args, send)
	case "look":
		var s shown
		err := r.between(ctx, func() error {
			begin := time.Now()
			last, err := r.look()
			if err == nil {
				s = *last
				s.Stood = time.Since(begin)
			}
			return err
		})
		if err != nil {
			return err
		}
		return send(s, s.bytes)
	case "metrics":
		return r.metrics(ctx, send)
	case "follow":
		var a followArgs
		if err := arguments(&a); err != nil {
			return err
		}
		return r.follow(ctx, a.After, send)
	case "host":
		var a hostArgs
		if err := arguments(&a); err != nil {
			return err
		}
		return ok(r.host(ctx, a))
	case "checkpoint":
		return ok(r.between(ctx, r.save))
	case "weights":
		var dir string
		if err := arguments(&dir); err != nil {
			return err
		}
		if err := wholePath(dir); err != nil {
			return err
		}
		return ok(r.between(ctx, func() error { return r.trainer.SaveWeights(dir) }))
	case "picture":
		return r.picture(ctx, send)
	case "export":
		var batch int
		if err := arguments(&batch); err != nil {
			return err
		}
		return r.export(ctx, batch, send)
	case "rewind":
		var step int
		if err := arguments(&step); err != nil {
			return err
		}
		reply, err := r.rewind(ctx, step)
		if err != nil {
			return err
		}
		return send(reply, nil)
	case "branch":
		var dir string
		if err := arguments(&dir); err != nil {
			return err
		}
		return ok(r.between(ctx, func() error { return r.branch(dir) }))
	case "figure":
		var a figureArgs
		if err := arguments(&a); err != nil {
			return err
		}
		return ok(r.draw(ctx, a))
	case "stop":
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
		if err != nil && !errors.Is(err, errEnding) {
			return err
		}
		if why != "" {
			return &kindError{fmt.Sprintf("run %s is not ended: it %s; `kill %d` ends it without the steps since", r.name, why, os.Getpid()), kindsOf(ErrUnsaved)}
		}
		return send(r.present(), nil)
	}
	return fmt.Errorf("this process knows no request %q", q.Op)
}

// train sets the goal, or joins it.
func (r *resident) train(ctx context.Context, a trainArgs) (reply goalReply, err error) {
	if a.N < 0 || a.N > mostSteps || a.To < 0 || a.To > mostSteps || a.N == 0 == (a.To == 0) || a.Kind > GeneratorAlone ||
		a.Kind != BothNetworks && a.N == 0 {
		return reply, fmt.Errorf("cannot train for %d steps, or to step %d: ask for 1 to %d", a.N, a.To, mostSteps)
	}
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return reply, err
	}
	r.update(func() {
		if err = r.problem(); err != nil {
			return
		}
		under := r.goal.on && (r.status.Step < r.goal.step || r.status.Calls < r.goal.calls)
		if a.Kind != BothNetworks {
			if under {
				err = fmt.Errorf("run %s is training: pause it first", r.name)
				return
			}
			reply.Until = r.status.Calls + a.N
			r.goal = goal{on: true, updates: a.Kind, calls: reply.Until}
			r.settled = false
			return
		}
		if under && r.goal.updates != BothNetworks {
			err = fmt.Errorf("run %s is making steps of one network alone: wait for it", r.name)
			return
		}
		switch until := r.status.Step + a.N; {
		case a.To > 0 && under:
			reply.Joined, until = true, max(a.To, r.goal.step)
			r.goal.step = until
			reply.Until = a.To
		case a.To > 0:
			reply.Until = a.To
			if a.To > r.status.Step {
				r.goal = goal{on: true, step: a.To}
			}
		case under && a.Ask == r.goal.ask: // the same cell, run again, or a second one beside it
			reply.Joined, reply.Until = true, r.goal.step
		case under:
			r.goal.step, r.goal.ask = max(until, r.goal.step), a.Ask
			reply.Joined, reply.Until = true, until
		default:
			reply.Until = until
			r.goal = goal{on: true, step: until, ask: a.Ask}
		}
		if r.goal.on {
			r.settled, r.status.Target = false, r.goal.step
		}
	})
	return reply, err
}

// problem is why the run cannot train, called under mu.
func (r *resident) problem() error {
	switch {
	case r.stopping:
		return errEnding
	case r.status.Problem != "":
		return fmt.Errorf("run %s cannot train on: %s; Rewind goes back to a checkpoint", r.name, r.status.Problem)
	}
	return nil
}

// reach waits until a goal is reached; ErrPaused where the run stops before.
func (r *resident) reach(ctx context.Context, a waitArgs) error {
	var st Status
	var err error
	waited := r.wait(ctx, func() bool {
		st = r.status
		reached := st.Step >= a.Until
		if a.Kind != BothNetworks {
			reached = st.Calls >= a.Until
		}
		switch {
		case reached && (r.settled || r.goal.on):
			return true
		case r.status.Problem != "":
			err = errors.New(r.status.Problem)
			return true
		case !r.goal.on && r.settled && r.ready:
			err = pausedAt(st, a)
			return true
		}
		return false
	})
	return errors.Join(waited, err)
}

func pausedAt(st Status, a waitArgs) error {
	if st.Unsaved != "" {
		return &kindError{fmt.Sprintf("run %s: paused after step %d of %d: it %s, and run.Resume() goes on", st.Name, st.Step, a.Until, st.Unsaved),
			kindsOf(errors.Join(ErrPaused, ErrUnsaved))}
	}
	if a.Kind != BothNetworks {
		return fmt.Errorf("run %s: %w before all of its steps were done", st.Name, ErrPaused)
	}
	return fmt.Errorf("run %s: %w after step %d of %d; run.Resume() goes on", st.Name, ErrPaused, st.Step, a.Until)
}

// pause ends the training after the step that is running, and waits for it a little.
func (r *resident) pause(ctx context.Context) {
	r.update(func() { r.goal.on = false })
	ctx, cancel := context.WithTimeout(ctx, pausePatience)
	defer cancel()
	r.wait(ctx, func() bool { return r.settled || !r.ready })
}

func (r *resident) resume(ctx context.Context) (err error) {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	r.update(func() {
		if err = r.problem(); err != nil || r.goal.on {
			return
		}
		if r.status.Target <= r.status.Step {
			err = fmt.Errorf("run %s has reached step %d and nothing more was asked of it: use Train(n)", r.name, r.status.Step)
			return
		}
		r.goal, r.settled = goal{on: true, step: r.status.Target}, false
	})
	return err
}

// set changes a setting or the loss, and notes when.
func (r *resident) set(a setArgs) error {
	c := change{Calls: r.trainer.Calls(), Name: a.Name, Value: a.Value, Loss: a.Loss}
	if a.Loss == "" {
		if err := r.trainer.Set(a.Name, a.Value); err != nil {
			return err
		}
		r.update(func() { r.dirty = true })
		return addChange(filepath.Join(r.dir, changesFile), c)
	}
	if a.Loss == r.trainer.Experiment().Loss.String() {
		return nil
	}
	if err := r.saveDirty(); err != nil { // what follows compiles
		return err
	}
	if err := r.setLoss(a.Loss); err != nil {
		return err
	}
	if err := addChange(filepath.Join(r.dir, changesFile), c); err != nil {
		return err
	}
	return r.save() // a checkpoint says which loss it is of, and so must the run
}

func (r *resident) setLoss(name string) error {
	l := r.exp.Loss // which may be one that has no name
	if name != l.String() {
		var err error
		if l, err = loss.Named(name); err != nil {
			return err
		}
	}
	if err := r.trainer.SetLoss(l); err != nil {
		return err
	}
	r.info.Loss = ""
	if l != r.exp.Loss {
		r.info.Loss = name
	}
	return nil
}

// sample draws samples from a seed, or from latents.
func (r *resident) sample(ctx context.Context, args json.RawMessage, send func(any, []byte) error) error {
	var a sampleArgs
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	var images gan.Images
	err := r.between(ctx, func() (err error) {
		images, err = r.drawn(ctx, a)
		return err
	})
	if err != nil {
		return err
	}
	if a.As == "" {
		return send(imagesReply{images.N, images.H, images.W, images.C}, floatsToBytes(images.Data))
	}
	classes := r.trainer.Experiment().Classes
	if r.exp.ClassGenerator == nil || a.Classes != nil {
		classes = 0
	}
	content, err := Rendered(images, r.exp.Data, classes, a.As)
	if err != nil {
		return err
	}
	return send(imagesReply{images.N, images.H, images.W, images.C}, content)
}

// drawn draws samples, a part at a time, so that a process that must end need not draw them all.
func (r *resident) drawn(ctx context.Context, a sampleArgs) (all gan.Images, err error) {
	latent, data := r.trainer.Experiment().Latent, r.status.Data
	n := a.N
	if a.Z != nil {
		n = len(a.Z) / latent
	}
	most := min(mostSamples, largestBytes/(4*max(1, data.Height*data.Width*data.Depth)))
	switch {
	case a.Z == nil && n <= 0:
		return all, fmt.Errorf("cannot draw %d samples: ask for at least 1", n)
	case n > most:
		return all, fmt.Errorf("cannot draw %d samples at once: ask for at most %d", n, most)
	case a.Z != nil && len(a.Z) != n*latent || a.Classes != nil && len(a.Classes) != n || n == 0:
		return r.trainer.Generate(a.Z, a.Classes) // which says what is wrong
	}
	z := a.Z
	if z == nil {
		z = gan.Latents(n, latent, a.Seed)
	}
	classes := a.Classes
	if classes == nil && r.exp.ClassGenerator != nil {
		for i := range n {
			classes = append(classes, int32(i%r.trainer.Experiment().Classes))
		}
	}
	if err := r.beforeSampling(); err != nil {
		return all, err
	}
	for first := 0; first < n; first += sampleChunk {
		end := min(first+sampleChunk, n)
		var of []int32
		if classes != nil {
			of = classes[first:end]
		}
		if err := errors.Join(ctx.Err(), r.ending()); err != nil {
			return all, err
		}
		part, err := r.trainer.Generate(z[first*latent:end*latent], of)
		if err != nil {
			return all, err
		}
		part.Data = append(all.Data, part.Data...)
		part.N = end
		all = part
	}
	return all, nil
}

// picture sends the figure's samples as a page.
func (r *resident) picture(ctx context.Context, send func(any, []byte) error) error {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	var encoded bytes.Buffer
	err := r.between(ctx, func() error {
		if err := r.beforeSampling(); err != nil {
			return err
		}
		img, err := r.view.Picture()
		if err != nil {
			return err
		}
		return png.Encode(&encoded, img)
	})
	if err != nil {
		return err
	}
	return send(nil, encoded.Bytes())
}

// beforeSampling saves before the sampler is compiled.
func (r *resident) beforeSampling() error {
	if r.sampled {
		return nil
	}
	r.sampled = true
	return r.saveDirty()
}

// ending is errEnding when the process is to stop.
func (r *resident) ending() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return errEnding
	}
	return nil
}

// export sends the generator as an ONNX model.
func (r *resident) export(ctx context.Context, batch int, send func(any, []byte) error) error {
	var generator *gan.Generator
	err := r.between(ctx, func() (err error) {
		generator, err = r.trainer.Generator()
		return err
	})
	if err != nil {
		return err
	}
	var model bytes.Buffer
	if err := export.ONNX(&model, generator, batch); err != nil {
		return err
	}
	return send(nil, model.Bytes())
}

// look draws the figure's samples, unless it has those of this step, and looks for collapse.
func (r *resident) look() (*shown, error) {
	r.lookedAt = time.Now()
	if r.shown != nil && r.shown.calls == r.trainer.Calls() {
		return r.shown, nil
	}
	if err := r.beforeSampling(); err != nil {
		return nil, err
	}
	var frame show.Frame
	if err := r.view.Dress(&frame, r.last, true); err != nil {
		return nil, err
	}
	s := &shown{Step: r.trainer.Step(), Columns: frame.Columns, Light: frame.Light, Note: frame.Note, calls: r.trainer.Calls()}
	switch {
	case frame.Samples != nil:
		m := frame.Samples
		s.Images, s.bytes = imagesReply{m.N, m.H, m.W, m.C}, floatsToBytes(m.Data)
	case frame.Picture != nil:
		var encoded bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, frame.Picture); err != nil {
			return nil, err
		}
		s.Picture, s.bytes = true, encoded.Bytes()
	}
	r.shown = s
	return s, nil
}

// metrics sends the whole history.
func (r *resident) metrics(ctx context.Context, send func(any, []byte) error) error {
	if err := r.wait(ctx, func() bool { return r.ready }); err != nil {
		return err
	}
	r.mu.Lock()
	calls := r.status.Calls
	r.mu.Unlock()
	records, err := r.history.read(0, calls)
	if err != nil {
		return err
	}
	return send(eventReply{}, records)
}

// follow sends what is recorded from now on, and what changes, until the client has enough.
func (r *resident) follow(ctx context.Context, sent int, send func(any, []byte) error) error {
	const most = 20_000 // records in an event
	r.mu.Lock()
	rewinds := r.rewinds
	r.mu.Unlock()
	for {
		r.mu.Lock()
		calls, changed := r.status.Calls, r.changed
		ready, ending := r.ready, r.saved
		rewound := rewinds != r.rewinds || ready && calls < sent
		rewinds = r.rewinds
		r.mu.Unlock()
		if rewound {
			sent = 0
		}
		var records []byte
		if end := min(calls, sent+most); ready && end > sent {
			var err error
			if records, err = r.history.read(sent, end); err != nil {
				return err
			}
		}
		if err := send(eventReply{First: sent, Rewound: rewound, Status: r.present()}, records); err != nil {
			return err
		}
		sent += len(records) / recordSize
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
			return errEnding
		}
	}
}

// rewind goes back to the state after a step: to the checkpoint before it and from there by the very steps that were
// made, with what was set in between. What came after is forgotten.
func (r *resident) rewind(ctx context.Context, step int) (reply rewindReply, err error) {
	r.pause(ctx)
	err = r.between(ctx, func() error {
		reply, err = r.goBack(ctx, step)
		return err
	})
	return reply, err
}

// errUndone is why a process that ends on the way back saves nothing.
var errUndone = errors.New("the run stays where it was")

func (r *resident) goBack(ctx context.Context, step int) (reply rewindReply, err error) {
	records, err := r.history.read(0, r.history.n)
	if err != nil {
		return reply, err
	}
	past := parseMetrics(records, 0)
	calls := -1
	for _, m := range slices.Backward(past) {
		if m.Updates == BothNetworks && m.Step == step {
			calls = m.Calls
			break
		}
	}
	if step == 0 {
		calls = 0
	}
	for _, rung := range r.ladder.rungs { // of a step whose record was lost
		if calls < 0 && rung.step == step {
			calls = rung.calls
		}
	}
	if calls < 0 {
		return reply, fmt.Errorf("run %s has no step %d to go back to: it is at step %d", r.name, step, r.trainer.Step())
	}
	if err := r.saveDirty(); err != nil {
		return reply, err
	}
	changesPath := filepath.Join(r.dir, changesFile)
	changes, err := readChanges(changesPath)
	if err != nil {
		return reply, err
	}
	from, err := r.climbDown(calls, past)
	if err != nil {
		return reply, err
	}
	r.update(func() { r.status.Problem = "" })
	reply = rewindReply{From: from.step, Exact: true}
	next := 0
	for r.trainer.Calls() < calls && ctx.Err() == nil {
		if err := r.ending(); err != nil { // the folder has it all as it was before
			r.lose(errUndone)
			return reply, err
		}
		for ; next < len(changes) && changes[next].Calls <= r.trainer.Calls(); next++ {
			if c := changes[next]; c.Calls < from.calls {
				continue
			} else if err := r.again(c); err != nil {
				return reply, err
			}
		}
		m := past[r.trainer.Calls()]
		p, err := r.advance(m.Updates)
		if err != nil {
			return reply, err
		}
		reply.Exact = reply.Exact && same(p, m.Progress)
	}
	now := r.trainer.Calls()
	reply.Step = r.trainer.Step()
	if now > 0 {
		r.last, r.pace.seconds = past[now-1].Progress, past[now-1].Seconds
	} else {
		r.last, r.pace.seconds = gan.Progress{}, 0
	}
	r.shown = nil
	if _, err := cutChanges(changesPath, func(c change) bool { return c.Calls < now || c.Calls == from.calls && now == from.calls }); err != nil {
		return reply, err
	}
	if err := r.ladder.cut(now); err != nil {
		return reply, err
	}
	newer, err := filepath.Glob(filepath.Join(r.dir, checkpointsDir, "checkpoint-*"))
	if err != nil {
		return reply, err
	}
	for _, path := range newer {
		if err := os.Remove(path); err != nil {
			return reply, err
		}
	}
	if r.view, err = NewView(r.trainer, r.o.Samples, r.o.Seed); err != nil {
		return reply, err
	}
	if err := r.history.cut(now); err != nil {
		return reply, err
	}
	r.update(func() {
		r.rewinds++
		r.status.Target, r.status.Calls = 0, now
	})
	return reply, errors.Join(r.save(), ctx.Err())
}

// climbDown restores the newest whole checkpoint of at most so many calls, from which the steps can be made again.
func (r *resident) climbDown(calls int, past []Metric) (from rung, err error) {
	for below := calls; ; below = from.calls - 1 {
		var found bool
		if from, found = r.ladder.below(below); !found {
			return from, fmt.Errorf("run %s keeps no whole checkpoint from which that step can be reached", r.name)
		}
		for _, m := range past[from.calls:calls] {
			if m.Updates == Lost {
				return from, fmt.Errorf("run %s: the record of the steps after step %d was lost, so they cannot be made again: "+
					"go back to a step that run.Checkpoints() lists", r.name, from.step)
			}
		}
		if err := r.restoreFile(r.ladder.path(from)); !errors.Is(err, gan.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
			return from, err
		}
	}
}

// again applies a change that was made before.
func (r *resident) again(c change) error {
	if c.Loss != "" {
		return r.setLoss(c.Loss)
	}
	return r.trainer.Set(c.Name, c.Value)
}

// same tells whether a step that was made again reported the same, bit for bit.
func same(a, b gan.Progress) bool {
	return a.CriticLoss == b.CriticLoss && a.GeneratorLoss == b.GeneratorLoss && a.Penalty == b.Penalty &&
		a.CriticGradient == b.CriticGradient && a.GeneratorGradient == b.GeneratorGradient
}

// branch makes a run folder out of the state as it is now.
func (r *resident) branch(dir string) error {
	if err := r.save(); err != nil {
		return err
	}
	return branch(r.dir, dir)
}

// wholePath reports a folder that a client names by less than its whole path: its working folder is not this process's.
func wholePath(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("folder %q: name it by its whole path", dir)
	}
	return nil
}

// branch copies what a fork begins with from one run's folder to another's, in which there is no run yet.
func branch(from, to string) error {
	if err := wholePath(to); err != nil {
		return err
	}
	if _, err := readInfo(to); err == nil || errors.Is(err, ErrDamagedInfo) {
		return fmt.Errorf("%s is no folder for a fork: there is a run in it already", to)
	} else if !errors.Is(err, ErrNoRun) {
		return err
	}
	if err := private.Folder(filepath.Join(to, checkpointsDir)); err != nil {
		return err
	}
	i, err := readInfo(from)
	if err != nil {
		return err
	}
	saved, err := gan.Checkpoints(filepath.Join(from, checkpointsDir))
	if err != nil {
		return err
	}
	if problem := saved[len(saved)-1].Problem; problem != nil {
		return problem
	}
	newest := filepath.Join(checkpointsDir, filepath.Base(saved[len(saved)-1].Path))
	for _, name := range []string{newest, historyFile, changesFile} {
		err := copyFile(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && !(name == changesFile && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	i.From = filepath.Base(from)
	i.Status.Name, i.Status.Dir, i.Status.Target, i.Status.Channel = filepath.Base(to), to, 0, ""
	return i.write(to)
}

func floatsToBytes(values []float32) []byte {
	bytes := make([]byte, 0, 4*len(values))
	for _, v := range values {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	return bytes
}

func bytesToFloats(bytes []byte) []float32 {
	values := make([]float32, len(bytes)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
	}
	return values
}

// oneLine makes one line of an error, without the stack that a library may have added.
func oneLine(err error) string {
	var kept []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[:min(2, len(kept))], "; ")
}
