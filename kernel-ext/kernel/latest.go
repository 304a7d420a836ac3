package kernel

import (
	"context"
	"sync"
)

// latest gives up what a front-end has asked before, once it asks the same anew: a person has typed on, and the answer to
// the first would come too late. The zero value is ready to use.
type latest struct {
	mu     sync.Mutex
	giveUp map[string]*context.CancelFunc
}

// begin returns what ends when somebody asks anew, and what is to be called when the answer is there.
func (l *latest) begin(asks string) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.giveUp == nil {
		l.giveUp = map[string]*context.CancelFunc{}
	}
	if before := l.giveUp[asks]; before != nil {
		(*before)()
	}
	l.giveUp[asks] = &cancel
	return ctx, func() {
		cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.giveUp[asks] == &cancel {
			delete(l.giveUp, asks)
		}
	}
}
