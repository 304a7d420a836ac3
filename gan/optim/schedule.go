package optim

import (
	"fmt"
	"math"

	"gantry.local/gan/setting"
)

// Schedule changes a setting, such as a rate, over a run.
type Schedule = setting.Schedule

// Linear keeps the rate until step From and then lowers it evenly to Final times its value at step To, where it stays.
type Linear struct {
	From, To int
	Final    float64 // default 0
}

// Factor implements Schedule.
func (l Linear) Factor(step int) float64 {
	done := float64(step-l.From) / float64(max(l.To-l.From, 1))
	return 1 + (l.Final-1)*min(max(done, 0), 1)
}

// Check returns an error where a rate would become negative or no number.
func (l Linear) Check() error { return checkFinal(l, l.Final) }

// String implements Schedule.
func (l Linear) String() string {
	return fmt.Sprintf("linear from %d to %d final %g", l.From, l.To, l.Final)
}

// Cosine lowers the rate from its value to Final times it over Steps, along half a cosine (Loshchilov and Hutter, 2016,
// arXiv:1608.03983, without restarts).
type Cosine struct {
	Steps int
	Final float64 // default 0
}

// Factor implements Schedule.
func (c Cosine) Factor(step int) float64 {
	done := min(float64(step)/float64(max(c.Steps, 1)), 1)
	return c.Final + (1-c.Final)*(1+math.Cos(math.Pi*done))/2
}

// Check returns an error where a rate would become negative or no number.
func (c Cosine) Check() error { return checkFinal(c, c.Final) }

func checkFinal(s Schedule, final float64) error {
	if !(final >= 0) || math.IsInf(final, 0) {
		return fmt.Errorf("schedule %v: its final factor must be finite and not negative", s)
	}
	return nil
}

// String implements Schedule.
func (c Cosine) String() string { return fmt.Sprintf("cosine over %d final %g", c.Steps, c.Final) }

// Warmup raises the rate evenly from rate/Steps in the first step to its value in step Steps.
type Warmup struct{ Steps int }

// Factor implements Schedule.
func (w Warmup) Factor(step int) float64 {
	return min(float64(step+1)/float64(max(w.Steps, 1)), 1)
}

// String implements Schedule.
func (w Warmup) String() string { return fmt.Sprintf("warmup over %d", w.Steps) }
