package figure

import (
	"sync"
	"time"
)

// Budget bounds what the pictures of a run take of its training, in all of its panels and figures together: who has drawn says
// what that took, and nobody draws again until it is at most pictureShare of the time that has passed.
type Budget struct {
	mu    sync.Mutex
	begun bool      // whether there was a picture
	free  time.Time // from which on there is time for another
}

// pictureShare is the part of a run's time that its pictures may take. What they cost is measured in the run's process; the
// rest of 3 % is for the lines of a panel and for the processes that bring the pictures to the browser.
const pictureShare = 0.02

// OldestPicture is how long a picture may stay, whatever the next one costs.
const OldestPicture = 10 * time.Second

// Spend notes that a picture was drawn that took so long. The first is free: it compiles the sampler, which happens once, and
// the next would have to wait for half a minute.
func (b *Budget) Spend(now time.Time, cost time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		b.begun = true
		return
	}
	if b.free.Before(now) {
		b.free = now
	}
	b.free = b.free.Add(time.Duration(float64(cost) / pictureShare))
	if latest := now.Add(OldestPicture); b.free.After(latest) {
		b.free = latest
	}
}

// Wait returns how long it is until there is time for another; nothing or less: now.
func (b *Budget) Wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.free.Sub(now)
}

// Stopwatch adds up the times between its starts and stops.
type Stopwatch struct {
	begun time.Time // zero while it stands
	sum   time.Duration
}

// Start starts it.
func (w *Stopwatch) Start() { w.begun = time.Now() }

// Stop returns the sum so far.
func (w *Stopwatch) Stop() time.Duration {
	if !w.begun.IsZero() {
		w.sum += time.Since(w.begun)
		w.begun = time.Time{}
	}
	return w.sum
}
