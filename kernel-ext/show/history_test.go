package show

import (
	"math"
	"testing"
	"time"
)

func TestHistoryIsBoundedAndKeepsMeans(t *testing.T) {
	const frames = 1_000_000
	var h History
	for i := range frames {
		h.Add(i+1, losses(float64(i%7), -float64(i))...)
		if len(h.points) > MostPoints {
			t.Fatalf("%d points after %d frames", len(h.points), i+1)
		}
	}
	step, critic, generator := h.Curve(h.names[0]).X, h.Curve(h.names[0]).Y, h.Curve(h.names[1]).Y
	if len(step) < MostPoints/2 || len(step) != len(critic) || len(step) != len(generator) {
		t.Fatalf("%d steps, %d critic and %d generator losses", len(step), len(critic), len(generator))
	}
	var all point
	for i, p := range h.points {
		all = all.plus(p)
		if want := -(step[i] - 1); generator[i] != want {
			t.Fatalf("point %d: generator %g at step %g", i, generator[i], step[i])
		}
		if i > 0 && step[i] <= step[i-1] {
			t.Fatalf("step %g after %g", step[i], step[i-1])
		}
	}
	if all.n != frames || all.step != frames*(frames+1)/2 || math.Abs(all.numbers[0].of/frames-3) > 1e-4 {
		t.Errorf("in all: %+v", all)
	}
}

func TestHistoryGap(t *testing.T) {
	var h History
	for i := range 2 * MostPoints {
		loss := 1.0
		if i == 1000 {
			loss = math.NaN()
		}
		h.Add(i, losses(loss, 2)...)
	}
	critic, generator := h.Curve(h.names[0]).Y, h.Curve(h.names[1]).Y
	gaps := 0
	for i := range critic {
		if math.IsNaN(critic[i]) {
			gaps++
		} else if critic[i] != 1 {
			t.Errorf("critic %g", critic[i])
		}
		if generator[i] != 2 {
			t.Errorf("generator %g", generator[i])
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps, want 1", gaps)
	}
}

// TestHistoryNames wants a number to have a curve of its own from when it first comes, over the frames that have it.
func TestHistoryNames(t *testing.T) {
	var h History
	for i := range MostPoints + 1 { // so that two frames share a point
		numbers := []Number{{"loss", float64(i)}}
		if i%4 == 3 {
			numbers = append(numbers, Number{"penalty", 5})
		}
		h.Add(i, numbers...)
	}
	loss, penalty := h.Curve("loss").Y, h.Curve("penalty").Y
	if len(h.names) != 2 || len(loss) != len(penalty) || loss[1] != 2.5 {
		t.Fatalf("curves of %q with %d and %d points; the second loss is %g, want the mean of 2 and 3", h.names, len(loss), len(penalty), loss[1])
	}
	for i, v := range penalty[:len(penalty)-1] {
		if gap := i%2 == 0; math.IsNaN(v) != gap || !gap && v != 5 {
			t.Fatalf("the penalty's point %d is %g: want gaps in every second, and else 5", i, v)
		}
	}
}

func TestRate(t *testing.T) {
	start := time.Unix(1000, 0)
	var r rate
	if r.recent() != 0 || r.overall() != 0 {
		t.Error("a rate without frames")
	}
	now := start.Add(30 * time.Second) // compilation
	r.add(now, 1)
	if r.recent() != 0 {
		t.Error("a rate of one frame")
	}
	run := func(steps int, each time.Duration) {
		for range steps {
			now = now.Add(each)
			r.add(now, r.last.step+1)
			if len(r.marks) > rateMarks {
				t.Fatalf("%d marks", len(r.marks))
			}
		}
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > want/50 {
			t.Errorf("%s: %g steps/s, want %g", what, got, want)
		}
	}
	run(4, 25*time.Millisecond)
	near("just after compilation", r.recent(), 40)
	run(2000, 25*time.Millisecond)
	near("steady", r.recent(), 40)
	run(1000, 50*time.Millisecond)
	near("slower", r.recent(), 20)
	near("overall", r.overall(), 3004/100.1)
	run(1, 30*time.Second)
	near("after a pause", r.recent(), 20)
	run(100, 2*time.Second)
	near("one step in 2 s", r.recent(), 0.5)
	r.add(now.Add(time.Second), 5)
	if r.recent() != 0 {
		t.Error("a rate across a restart")
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 18400 * time.Millisecond: "18 s", 59600 * time.Millisecond: "1 min 0 s",
		138 * time.Second: "2 min 18 s", 3600 * time.Second: "1 h 0 min", 30*time.Hour + 5*time.Minute: "30 h 5 min",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for v, want := range map[float64]string{
		0.6123: "0.612", -12.34: "-12.3", 1234: "1234", 2.5e7: "2.5e7", 1e-7: "1e-7", 0: "0", math.Inf(-1): "-Inf",
	} {
		if got := short(v); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{1234.5: "1234 steps/s", 27.44: "27.4 steps/s", 0.5: "0.50 steps/s"} {
		if got := perSecond(v); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}
