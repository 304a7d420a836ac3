package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestGuestsLeave lets guests come while the process ends: each is waited for, or turned away.
func TestGuestsLeave(t *testing.T) {
	for range 300 {
		var h guests
		var here atomic.Int32
		var coming sync.WaitGroup
		begin := make(chan struct{})
		for i := range 4 {
			coming.Go(func() {
				<-begin
				here.Add(1)
				err := h.add(fmt.Sprint("figure ", i%3), func(context.Context) { here.Add(-1) })
				if err != nil {
					here.Add(-1)
				}
				if err != nil && !errors.Is(err, ErrEnding) {
					t.Error(err)
				}
			})
		}
		close(begin)
		h.leave()
		coming.Wait()
		if err := h.add("late", func(context.Context) { t.Error("a guest lives on") }); !errors.Is(err, ErrEnding) {
			t.Fatalf("after the end: %v", err)
		}
		h.leave()
		if n := here.Load(); n != 0 {
			t.Fatalf("%d guests were not waited for", n)
		}
	}
}

// TestGuestsTakeTurns wants a guest to take the place of another of its key when that has ended.
func TestGuestsTakeTurns(t *testing.T) {
	var h guests
	var living, most atomic.Int32
	for range 5 {
		err := h.add("panel k", func(ctx context.Context) {
			most.Store(max(most.Load(), living.Add(1)))
			<-ctx.Done()
			living.Add(-1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	h.end("panel k")
	h.end("explorer k") // there is none
	h.leave()
	if living.Load() != 0 || most.Load() != 1 {
		t.Errorf("%d live on, and %d lived at once", living.Load(), most.Load())
	}
}
