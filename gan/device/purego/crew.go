package purego

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// crew shares work out among the processor's cores.
type crew struct{ size int }

func newCrew() *crew { return &crew{size: runtime.GOMAXPROCS(0)} }

// each does work(0) … work(n-1), several at a time, and returns when all are done. cost is what all of it costs, in about
// nanoseconds: where that is too little to be worth a goroutine, the caller does it alone.
func (c *crew) each(n, cost int, work func(i int)) {
	helpers := min(c.size, n, 1+cost/10_000) - 1
	if helpers <= 0 {
		for i := range n {
			work(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	loop := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			work(i)
		}
	}
	for range helpers {
		wg.Go(loop)
	}
	loop()
	wg.Wait()
}

// pieces is into how many pieces of at least least elements n elements are cut, at most most.
func pieces(n, least, most int) int { return max(1, min(most, n/max(1, least))) }
