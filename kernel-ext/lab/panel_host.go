package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/widget"
)

// What a run's process can host.
const (
	hostPanel   = "panel"
	hostExplore = "explorer"
)

// hostArgs ask a run's process to host a panel or an explorer.
type hostArgs struct {
	What   string
	Path   string          // of the channel of the notebook's kernel
	Parent json.RawMessage // header of the cell below which it appears
}

// host asks the run's process for a panel or an explorer below the cell that is running.
func (r *Run) host(what string) error {
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	conn, err := channel.Dial(ctx, "")
	if err != nil {
		return fmt.Errorf("the %s of run %s: %w", what, r.name, err)
	}
	a := hostArgs{What: what, Path: conn.Path(), Parent: conn.Parent()}
	conn.Close()
	if err := r.call(ctx, "host", a, nil); err != nil {
		return fmt.Errorf("the %s of run %s: %w", what, r.name, err)
	}
	return nil
}

// hosted are the panels and explorers that live in a run's process, at most one of each kind for a notebook's kernel.
type hosted struct {
	mu  sync.Mutex
	all map[string]*guest // by kind and channel
}

// guest is one of them.
type guest struct {
	ui     *widget.UI
	cancel context.CancelFunc
	gone   chan struct{}
}

// host connects to the notebook's kernel and shows what was asked for. It goes on until the run's process or the kernel
// ends, or another of its kind takes its place.
func (r *resident) host(ctx context.Context, a hostArgs) error {
	if err := r.wait(ctx, func() bool { return r.ready && !r.stopping }); err != nil {
		return err
	}
	key := a.What + " " + a.Path
	if before := r.hosted.take(key); before != nil {
		before.end()
	}
	ui, err := widget.Connect(ctx, a.Path, a.Parent)
	if err != nil {
		return err
	}
	run := &Run{name: r.name, dir: r.dir}
	var loop func(context.Context)
	switch a.What {
	case hostPanel:
		loop, err = startPanel(ui, run, &r.budget)
	case hostExplore:
		loop, err = startExplorer(ui, run, r.exp)
	default:
		err = fmt.Errorf("this process cannot host a %q", a.What)
	}
	if err != nil {
		return errors.Join(err, ui.Close())
	}
	r.hosted.add(&r.figures, key, ui, loop)
	return nil
}

// take removes a guest, or returns nil.
func (h *hosted) take(key string) *guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.all[key]
	delete(h.all, key)
	return g
}

// add lets a guest live, counted among the figures.
func (h *hosted) add(figures *sync.WaitGroup, key string, ui *widget.UI, loop func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &guest{ui: ui, cancel: cancel, gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[string]*guest{}
	}
	other := h.all[key] // asked for at the same time
	h.all[key] = g
	figures.Go(func() {
		defer close(g.gone)
		if other != nil {
			other.end()
		}
		go awaitEnd(ctx, ui, cancel)
		loop(ctx)
		cancel()
		ui.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.all[key] == g {
			delete(h.all, key)
		}
	})
}

// awaitEnd ends a guest when its kernel has ended, or has been away for too long.
func awaitEnd(ctx context.Context, ui *widget.UI, end func()) {
	defer end()
	for ctx.Err() == nil && ui.Away() < awayPatience {
		look, cancel := context.WithTimeout(ctx, time.Minute)
		ui.Wait(look)
		ended := look.Err() == nil
		cancel()
		if ended {
			return
		}
	}
}

// awayPatience is how long a guest waits for its notebook's kernel.
const awayPatience = time.Hour

// end closes a guest and waits for it.
func (g *guest) end() {
	g.cancel()
	<-g.gone
}
