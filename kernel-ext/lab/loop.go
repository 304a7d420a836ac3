package lab

import (
	"context"
	"iter"
	"os"
	"os/signal"
	"syscall"
)

// Loop yields 0, 1, … up to Steps(full, fast)-1, for a training loop of one's own:
//
//	for range lab.Loop(3000, 300) {
//		weights = step(weights)
//	}
//
// Interrupting the cell ends the loop after the pass that is running. The rest of the cell runs, so it ends well and what it has
// changed so far is kept. A pass that takes longer than the kernel waits, 3 s, is stopped without that.
func Loop(full, fast int) iter.Seq[int] {
	return func(yield func(int) bool) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		for i := range Steps(full, fast) {
			if ctx.Err() != nil || !yield(i) {
				return
			}
		}
	}
}
