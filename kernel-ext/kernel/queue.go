package kernel

import (
	"encoding/json"
	"sync"
)

// queue holds the execute requests that wait. One runs at a time, so that those behind a cell that fails can be
// told that they do not run, and everything else a front-end asks is answered while a cell runs.
type queue struct {
	mu      sync.Mutex
	waiting []*cell
	current *cell
	added   chan struct{} // gets a value when a cell was added
}

func newQueue() *queue { return &queue{added: make(chan struct{}, 1)} }

func (q *queue) add(c *cell) {
	q.mu.Lock()
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// runCells runs one cell after the other until the kernel ends.
func (p *proxy) runCells() {
	for {
		for c := p.cells.next(); c != nil; c = p.cells.next() {
			p.begin(c)
		}
		select {
		case <-p.cells.added:
		case <-p.done:
			return
		}
	}
}

// next makes the first cell that waits the current one and returns it, or nil.
func (q *queue) next() *cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	if len(q.waiting) > 0 {
		q.current, q.waiting = q.waiting[0], q.waiting[1:]
	}
	return q.current
}

// running returns the cell that runs, or nil.
func (q *queue) running() *cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.current
}

// drop empties the queue and returns what was in it.
func (q *queue) drop() []*cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped := q.waiting
	q.waiting = nil
	return dropped
}

// runningCell returns the header of the cell that runs, or {}.
func (p *proxy) runningCell() json.RawMessage {
	if c := p.cells.running(); c != nil {
		return c.message.Header
	}
	return json.RawMessage("{}")
}
