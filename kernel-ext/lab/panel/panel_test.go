package panel

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/record"
)

// TestViewpoint wants the ends of the way to be the latents of the seeds, and offsets and truncation to do what they say.
func TestViewpoint(t *testing.T) {
	const components = 9
	v := viewpoint{a: 3, b: 4, psi: 1, offsets: make([]float64, 2)}
	a, b := train.Latents(1, components, 3), train.Latents(1, components, 4)
	near := func(x, y []float32) bool {
		return slices.EqualFunc(x, y, func(p, q float32) bool { return math.Abs(float64(p-q)) < 1e-6 })
	}
	for _, spherical := range []bool{false, true} {
		v.spherical = spherical
		if z := v.latents(components, 5); len(z) != 6*components || !near(z[:components], a) || !near(z[components:2*components], a) || !near(z[5*components:], b) {
			t.Errorf("spherical %v: the way does not go from A to B", spherical)
		}
	}
	v.t, v.psi, v.offsets[1] = 1, 0.5, 2
	want := slices.Clone(b)
	want[1] += 2
	for i := range want {
		want[i] /= 2
	}
	if !near(v.at(v.t, components), want) {
		t.Errorf("B, moved by 2 along component 2 and halved, is %v, want %v", v.at(v.t, components), want)
	}
	if reach(2) != 3 || reach(100) != 10 {
		t.Errorf("offsets reach %g of 2 components and %g of 100, want 3 and 10", reach(2), reach(100))
	}
}

// TestCurves wants the losses drawn where no number is chosen, and else that number, which may have gaps.
func TestCurves(t *testing.T) {
	var c curves
	add := func(m ...record.Metric) { c.add(record.Event{Metrics: m}) }
	for step := 1; step <= 10*curvePoints; step++ {
		numbers := []train.Number{{Name: "critic loss", Value: float64(2 * step)}, {Name: "generator loss", Value: -float64(step)}}
		if step > 5*curvePoints && step%100 == 0 {
			numbers = append(numbers, train.Number{Name: "path length", Value: 7})
		}
		add(record.Metric{Alone: "critic", Progress: train.Progress{Step: step, Numbers: []train.Number{{Name: "critic loss", Value: 1e9}}}},
			record.Metric{Progress: train.Progress{Step: step, Numbers: numbers}})
	}
	plot := c.plot(nil)
	if len(plot.Series) != 2 || plot.Series[0].Name != "critic loss" || plot.Series[1].Name != "generator loss" {
		t.Fatalf("it draws %v, want the losses", plot.Series)
	}
	critic, generator := plot.Series[0], plot.Series[1]
	if n := len(critic.X); n > curvePoints || n < curvePoints/2 {
		t.Fatalf("there are %d points", n)
	}
	each := critic.X[1] - critic.X[0]
	for i, step := range critic.X[:len(critic.X)-1] { // the last is not full
		middle := each*float64(i) + (each+1)/2
		if math.Abs(step-middle) > 1e-6 || math.Abs(critic.Y[i]-2*middle) > 1e-6 || math.Abs(generator.Y[i]+middle) > 1e-6 {
			t.Fatalf("point %d of %g steps is at %g with %g and %g, want the means around %g", i, each, step, critic.Y[i], generator.Y[i], middle)
		}
	}
	rare, there := c.plot([]string{"path length"}).Series[0], 0
	for i, v := range rare.Y {
		switch {
		case math.IsNaN(v):
		case v != 7 || rare.X[i] < 5*curvePoints:
			t.Fatalf("path length is %g at step %g, want 7, and only where it is reported", v, rare.X[i])
		default:
			there++
		}
	}
	if there != 5*curvePoints/100 {
		t.Errorf("path length has %d points, want %d", there, 5*curvePoints/100)
	}
}

// TestPanelKeepsToItsBudget wants a panel to hold back the pictures of a run that trains, and not those of one that rests, for
// which a person waits.
func TestPanelKeepsToItsBudget(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		state record.State
		eager bool
		drawn bool
	}{{record.Training, false, false}, {record.Training, true, false}, {record.Paused, false, false}, {record.Paused, true, true}} {
		p := &panel{budget: &figure.Budget{}, eager: test.eager, status: record.Status{State: test.state}}
		if wait := p.rest(now); wait > 0 {
			t.Errorf("%s: the first pictures are held back for %s", test.state, wait)
		}
		p.budget.Spend(now, time.Minute) // compiles
		p.budget.Spend(now, time.Second)
		if wait := p.rest(now); wait <= 0 != test.drawn || !test.drawn && wait != figure.OldestPicture {
			t.Errorf("%s, eager %v: after a second of drawing the next is in %s", test.state, test.eager, wait)
		}
	}
}

// TestLanes wants one lane to keep its order, another not to wait for it, and of what may be overtaken the last to count.
func TestLanes(t *testing.T) {
	l := newLanes()
	hold, began, other := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var did []int
	l.add("a", func() { close(began); <-hold; did = append(did, 0) })
	<-began
	for i := range 3 {
		l.add("a", func() { did = append(did, 1+i) })
	}
	l.add("b", func() { close(other) })
	select {
	case <-other:
	case <-time.After(10 * time.Second):
		t.Fatal("one lane waits for another")
	}
	if !l.busy("a") {
		t.Error("a lane that works is not busy")
	}
	done := make(chan struct{})
	for i := range 50 {
		l.latest("a", func() {
			did = append(did, 100+i)
			if i == 49 {
				close(done)
			}
		})
	}
	close(hold)
	<-done
	l.end()
	if !slices.Equal(did, []int{0, 149}) {
		t.Errorf("it did %v, want what was under way and the last", did)
	}
	l.add("a", func() { t.Error("something was done after the end") })
}

// TestHeadlinePrivacy wants a panel to say what its run has spent, or that it is not private.
func TestHeadlinePrivacy(t *testing.T) {
	for want, spent := range map[string]*method.PrivacySpent{
		"ε = 1.79 at δ = 1e-05":                                        {Epsilon: 1.789, Delta: 1e-5},
		"not private: the weights come from 200 updates without noise": {Epsilon: math.Inf(1), Delta: 1e-5, Open: 200},
	} {
		status := record.Status{Name: "run", State: record.Paused, Privacy: spent}
		if line := headline(status); !strings.Contains(line, want) || !strings.Contains(status.String(), want) {
			t.Errorf("%q and %q do not say %q", line, status, want)
		}
	}
	if line := headline(record.Status{}); strings.Contains(line, "ε") || strings.Contains(line, "private") {
		t.Errorf("a run without privacy says %q", line)
	}
}
