package process

import (
	"context"
	"sync"
)

// guests are the panels, explorers and figures that live in a run's process, at most one of each kind for a notebook's
// kernel.
type guests struct {
	mu     sync.Mutex
	all    map[string]*guest // by kind and channel
	living sync.WaitGroup
	left   bool // nobody comes any more
}

// guest is one of them.
type guest struct {
	cancel context.CancelFunc
	gone   chan struct{}
}

// add lets a guest live until it returns, in the place of another of its key. The error is ErrEnding where nobody is let in
// any more.
func (h *guests) add(key string, live func(context.Context)) error {
	ctx, cancel := context.WithCancel(context.Background())
	g := &guest{cancel: cancel, gone: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.left {
		cancel()
		return ErrEnding
	}
	if h.all == nil {
		h.all = map[string]*guest{}
	}
	other := h.all[key]
	h.all[key] = g
	h.living.Go(func() {
		defer close(g.gone)
		defer cancel()
		if other != nil {
			other.end()
		}
		live(ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.all[key] == g {
			delete(h.all, key)
		}
	})
	return nil
}

// end ends the guest of a key, if there is one, and waits for it.
func (h *guests) end(key string) {
	h.mu.Lock()
	g := h.all[key]
	h.mu.Unlock()
	if g != nil {
		g.end()
	}
}

// leave lets nobody in any more and waits for those that are there.
func (h *guests) leave() {
	h.mu.Lock()
	h.left = true
	h.mu.Unlock()
	h.living.Wait()
}

func (g *guest) end() {
	g.cancel()
	<-g.gone
}
