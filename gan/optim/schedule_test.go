package optim_test

import (
	"math"
	"testing"

	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		schedule optim.Schedule
		at       map[int]float64
	}{
		{optim.Linear{From: 10, To: 20}, map[int]float64{0: 1, 10: 1, 15: 0.5, 20: 0, 99: 0}},
		{optim.Linear{To: 4, Final: 0.5}, map[int]float64{0: 1, 2: 0.75, 4: 0.5, 9: 0.5}},
		{optim.Cosine{Steps: 8}, map[int]float64{0: 1, 4: 0.5, 8: 0, 20: 0}},
		{optim.Cosine{Steps: 8, Final: 0.2}, map[int]float64{0: 1, 4: 0.6, 8: 0.2}},
		{optim.Warmup{Steps: 4}, map[int]float64{0: 0.25, 1: 0.5, 3: 1, 50: 1}},
	} {
		for step, want := range c.at {
			if got := c.schedule.Factor(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("%v after %d steps: factor %g, want %g", c.schedule, step, got, want)
			}
		}
	}
}

// TestScheduled wants the schedule at the setting that is named and at no other, and two schedules of one to multiply.
func TestScheduled(t *testing.T) {
	decayed := optim.NewAdamW(1e-3, 0.5, 0.9, 0.2)
	half := optim.Linear{To: 4, Final: 0.5}
	for _, c := range []struct {
		of                optim.Optimizer
		rate, decay       float32 // after 4 steps, with settings 0.01 and 0.4
		rateSoon, decayed float32 // after 2
		text              string
	}{
		{optim.Scheduled{Of: decayed, Schedule: half}, 0.005, 0.4, 0.0075, 0.4, " linear from 0 to 4 final 0.5"},
		{optim.Scheduled{Of: decayed, Schedule: half, Setting: "decay"}, 0.01, 0.2, 0.01, 0.3, " decay linear from 0 to 4 final 0.5"},
		{optim.Scheduled{Of: optim.Scheduled{Of: decayed, Schedule: half}, Schedule: optim.Warmup{Steps: 6}},
			0.01 * 0.5 * 5 / 6, 0.4, 0.01 * 0.75 * 3 / 6, 0.4, " linear from 0 to 4 final 0.5 warmup over 6"},
		{optim.Scheduled{Of: optim.Scheduled{Of: decayed, Schedule: half}, Schedule: half, Setting: "decay"},
			0.005, 0.2, 0.0075, 0.3, " linear from 0 to 4 final 0.5 decay linear from 0 to 4 final 0.5"},
	} {
		near := func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-7 }
		s := c.of.Settings()
		if err := c.of.Check(); err != nil || len(s) != 2 {
			t.Fatalf("%v has settings %v (%v)", c.of, s, err)
		}
		if rate, decay := s[0].At(0.01, 4), s[1].At(0.4, 4); !near(rate, c.rate) || !near(decay, c.decay) {
			t.Errorf("%v: after 4 steps rate %g and decay %g, want %g and %g", c.of, rate, decay, c.rate, c.decay)
		}
		if rate, decay := s[0].At(0.01, 2), s[1].At(0.4, 2); !near(rate, c.rateSoon) || !near(decay, c.decayed) {
			t.Errorf("%v: after 2 steps rate %g and decay %g, want %g and %g", c.of, rate, decay, c.rateSoon, c.decayed)
		}
		if want := decayed.String() + c.text; c.of.String() != want {
			t.Errorf("it is called %q, want %q", c.of, want)
		}
	}
	elsewhere := listed{all: decayed.Settings()}
	if s := (optim.Scheduled{Of: elsewhere, Schedule: half}).Settings(); s[0].Schedule == nil || elsewhere.all[0].Schedule != nil {
		t.Error("the schedule is not only where it was put")
	}
}

// listed is an optimizer that gives out its own list of settings.
type listed struct {
	optim.SGD
	all []setting.Setting
}

func (l listed) Settings() []setting.Setting { return l.all }
