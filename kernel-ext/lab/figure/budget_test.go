package figure

import (
	"testing"
	"time"
)

// TestBudget wants pictures to take no more than their share of the time, whatever each costs and however many draw.
func TestBudget(t *testing.T) {
	var b Budget
	now := time.Unix(1000, 0)
	if b.Wait(now) > 0 {
		t.Error("the first picture has to wait")
	}
	b.Spend(now, time.Hour)
	if b.Wait(now) > 0 {
		t.Error("the second picture has to wait for what the first compiled")
	}
	begin, spent := now, time.Duration(0)
	for i := range 1000 {
		now = now.Add(max(0, b.Wait(now)))
		cost := time.Duration(1+i*i%97) * time.Millisecond
		for range 1 + i%2 { // one panel, or two that draw at once
			now = now.Add(cost)
			spent += cost
			b.Spend(now, cost)
		}
	}
	now = now.Add(max(0, b.Wait(now)))
	if share := spent.Seconds() / now.Sub(begin).Seconds(); share > pictureShare || share < pictureShare*0.97 {
		t.Errorf("they took %.4f of the time, want at most %g and hardly less", share, pictureShare)
	}
	b.Spend(now.Add(time.Hour), time.Second)
	if wait := b.Wait(now.Add(time.Hour)); wait != OldestPicture {
		t.Errorf("after a second of drawing the next is in %s: what was not spent for an hour is not saved up, nor owed", wait)
	}
}
