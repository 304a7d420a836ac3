package data

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// inParallel calls work for 0 to n-1 on all processors, and returns the error of the smallest index that has one.
func inParallel(n int, work func(i int) error) error {
	var (
		next   atomic.Int64
		group  sync.WaitGroup
		mu     sync.Mutex
		failed = n
		first  error
	)
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				err := work(i)
				if err == nil {
					continue
				}
				next.Store(int64(n))
				mu.Lock()
				if i < failed {
					failed, first = i, err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return first
}
