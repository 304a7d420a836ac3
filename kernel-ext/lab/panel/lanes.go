package panel

import "sync"

// lanes do what is pressed and moved without holding up the callback. What is given to one lane happens in turn; different
// lanes do not wait for each other.
type lanes struct {
	mu      sync.Mutex
	waiting map[string][]func() // a lane that works is there, with what waits
	working sync.WaitGroup
	over    bool
}

func newLanes() *lanes { return &lanes{waiting: map[string][]func(){}} }

// add does something after all that the lane has.
func (l *lanes) add(lane string, do func()) { l.put(lane, do, false) }

// latest does something in the place of what waits in the lane: of many positions of a slider, the last counts.
func (l *lanes) latest(lane string, do func()) { l.put(lane, do, true) }

func (l *lanes) put(lane string, do func(), alone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	queue, works := l.waiting[lane]
	if alone {
		queue = nil
	}
	l.waiting[lane] = append(queue, do)
	if !works {
		l.working.Go(func() { l.work(lane) })
	}
}

func (l *lanes) work(lane string) {
	for {
		l.mu.Lock()
		queue := l.waiting[lane]
		if len(queue) == 0 || l.over {
			delete(l.waiting, lane)
			l.mu.Unlock()
			return
		}
		l.waiting[lane] = queue[1:]
		l.mu.Unlock()
		queue[0]()
	}
}

// busy tells whether the lane works.
func (l *lanes) busy(lane string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, works := l.waiting[lane]
	return works
}

// end forgets what waits. What works is waited for.
func (l *lanes) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.working.Wait()
}
