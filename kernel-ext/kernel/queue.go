package kernel

import "sync"

// queue holds the execute requests that wait. One runs at a time, so that those behind a cell that fails can be
// told that they do not run, and everything else a front-end asks is answered while a cell runs. The zero value is an
// empty queue.
type queue struct {
	mu      sync.Mutex
	waiting []*cell
	current *cell
	wake    chan struct{}
}

// alarm returns the channel that gets a value when a cell was added.
func (q *queue) alarm() chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
	}
	return q.wake
}

func (q *queue) add(c *cell) {
	wake := q.alarm()
	q.mu.Lock()
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
	select {
	case wake <- struct{}{}:
	default:
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
