package kernel

import (
	"context"
	"sync"
)

// latest gives up what a front-end has asked before, once it asks the same anew: a person has typed on, and the answer to
// the first would come too late. The zero value is ready to use.
type latest struct{ giveUp sync.Map } // by what is asked: a *context.CancelFunc

// begin returns what ends when somebody asks anew, and what is to be called when the answer is there.
func (l *latest) begin(asks string) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if before, asked := l.giveUp.Swap(asks, &cancel); asked {
		(*before.(*context.CancelFunc))()
	}
	return ctx, func() {
		cancel()
		l.giveUp.CompareAndDelete(asks, &cancel)
	}
}
