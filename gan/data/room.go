package data

import "sync"

// room is memory that pictures take while they are read. One that finds too little waits for the others.
type room struct {
	mu    sync.Mutex
	given sync.Cond
	left  int
}

func newRoom(bytes int) *room {
	r := &room{left: bytes}
	r.given.L = &r.mu
	return r
}

func (r *room) take(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left < bytes {
		r.given.Wait()
	}
	r.left -= bytes
}

func (r *room) give(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += bytes
	r.given.Broadcast()
}
