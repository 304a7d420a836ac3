package jupyter

import "sync"

// recent remembers what was there lately, in two generations. The zero value is ready to use.
type recent[K comparable] struct {
	mu        sync.Mutex
	now, past map[K]bool
}

// first tells whether a key comes for the first time, and remembers it beside the latest ones, most of them or up to twice as many.
func (r *recent[K]) first(key K, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now[key] || r.past[key] {
		return false
	}
	if r.now == nil || len(r.now) >= most {
		r.now, r.past = map[K]bool{}, r.now
	}
	r.now[key] = true
	return true
}

// has tells whether a key is remembered.
func (r *recent[K]) has(key K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now[key] || r.past[key]
}
