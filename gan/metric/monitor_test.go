package metric

import (
	"math"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

// repeated makes n samples of the first k images, over and over.
func repeated(images sample.Images, k, n int) sample.Images {
	var places []int
	for i := range n {
		places = append(places, i%k)
	}
	return chosen(images, places...)
}

func newMonitor(t *testing.T, data sample.Images) *Monitor {
	t.Helper()
	m, err := NewMonitor(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func look(t *testing.T, m *Monitor, samples sample.Images, v Vitals) Signal {
	t.Helper()
	s, err := m.Look(samples, v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestMonitor constructs collapses to k images, and contractions of the data towards one image.
func TestMonitor(t *testing.T) {
	m := newMonitor(t, noise(1, 500, 6, 6, 1))
	other := noise(2, 100, 6, 6, 1)
	for name, c := range map[string]struct {
		samples sample.Images
		want    Level
		reason  string
	}{
		"like the data":  {other, OK, "samples' pairwise distance"},
		"one image":      {repeated(other, 1, 100), Collapsed, "samples' pairwise distance 0 % of the data's; 100 % of the pairs"},
		"five images":    {repeated(other, 5, 100), Collapsed, "19 % of the pairs of samples are near-duplicates"},
		"fifteen images": {repeated(other, 15, 100), Watch, "6 % of the pairs of samples are near-duplicates"},
		"fifty images":   {repeated(other, 50, 100), OK, "pairwise distance"},
		"contracted":     {contracted(other, 0.5), Watch, "of the data's"},
		"much so":        {contracted(other, 0.1), Collapsed, "samples' pairwise distance 10 % of the data's"},
	} {
		s := look(t, m, c.samples, Vitals{})
		if s.Level != c.want || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("%s: %s, want %s with %q", name, s, c.want, c.reason)
		}
		if (s.Value >= 1) != (s.Level == Collapsed) || (s.Value < 0.5) != (s.Level == OK) || s.Value < 0 || s.Value > 1 {
			t.Errorf("%s: value %g at level %s", name, s.Value, s.Level)
		}
		if s.OfClasses != 0 {
			t.Errorf("%s: %d classes without a classifier", name, s.OfClasses)
		}
	}
	requireNear(t, "spread of data", look(t, m, other, Vitals{}).Spread, 1, 0.03)
	requireNear(t, "spread of contracted data", look(t, m, contracted(other, 0.25), Vitals{}).Spread, 0.25, 0.01)
	requireNear(t, "duplicates among 5 images", look(t, m, repeated(other, 5, 100), Vitals{}).Duplicates, 5*190.0/4950, 1e-9)
	if many := look(t, m, noise(3, 1000, 6, 6, 1), Vitals{}); many.Level != OK {
		t.Errorf("a thousand samples: %s", many)
	}
}

// contracted moves every image towards 0.
func contracted(images sample.Images, factor float32) sample.Images {
	out := chosen(images, 0)
	out.Values, out.N = nil, images.N
	for _, v := range images.Values {
		out.Values = append(out.Values, factor*v)
	}
	return out
}

// TestMonitorValue wants worse collapses to have higher values.
func TestMonitorValue(t *testing.T) {
	m, other := newMonitor(t, noise(1, 200, 4, 4, 1)), noise(2, 60, 4, 4, 1)
	before := -1.0
	for _, factor := range []float32{1, 0.8, 0.6, 0.4} {
		s := look(t, m, contracted(other, factor), Vitals{})
		if s.Value <= before {
			t.Errorf("contracted to %g: value %g, want above %g", factor, s.Value, before)
		}
		before = s.Value
	}
}

func TestMonitorStandstill(t *testing.T) {
	m, samples := newMonitor(t, noise(1, 50, 3, 3, 1)), noise(2, 50, 3, 3, 1)
	perfect := Vitals{CriticAccuracy: 1}
	for i, c := range []struct {
		vitals Vitals
		want   Level
		reason string
	}{
		{perfect, OK, ""}, {perfect, OK, ""}, {perfect, Watch, "the critic has been perfect for 3 looks"},
		{Vitals{}, Watch, "for 3 looks"}, // unknown is no news
		{perfect, Watch, "for 4 looks"},
		{Vitals{CriticAccuracy: 1, GeneratorGradients: []float64{0, 1e-9}}, Collapsed, "the generator's gradient has vanished (norm 5e-10)"},
		{Vitals{CriticAccuracy: 0.8, GeneratorGradients: []float64{1e-9}}, Watch, "gradient has vanished"},
		{Vitals{CriticAccuracy: 0.8, GeneratorGradients: []float64{1}}, OK, ""},
		{perfect, OK, ""},
	} {
		if s := look(t, m, samples, c.vitals); s.Level != c.want || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("look %d: %s, want %s with %q", i, s, c.want, c.reason)
		}
	}
}

func TestBadMonitor(t *testing.T) {
	good := noise(1, 10, 3, 3, 1)
	_, err := NewMonitor(sample.Images{}, nil)
	requireError(t, err, "0 images of 0×0×0")
	_, err = NewMonitor(noise(1, 1, 3, 3, 1), nil)
	requireError(t, err, "at least 2 images")
	_, err = NewMonitor(repeated(good, 1, 10), nil)
	requireError(t, err, "are all the same")
	m := newMonitor(t, good)
	_, err = m.Look(noise(1, 10, 3, 4, 1), Vitals{})
	requireError(t, err, "at least 2 samples of 3×3×1, not 10 of 3×4×1")
	_, err = m.Look(noise(1, 1, 3, 3, 1), Vitals{})
	requireError(t, err, "not 1 of 3×3×1")
	spoilt := noise(1, 10, 3, 3, 1)
	spoilt.Values[0] = float32(math.NaN())
	_, err = m.Look(spoilt, Vitals{})
	requireError(t, err, "samples: the set has the value NaN in sample 0")
}

func TestLevel(t *testing.T) {
	for level, want := range map[Level]string{OK: "ok", Watch: "watch", Collapsed: "collapsed", 7: "Level(7)"} {
		if level.String() != want {
			t.Errorf("level %d is %q, want %q", int(level), level, want)
		}
	}
	if got := (Signal{Level: Watch, Reason: "3 of 10 classes"}).String(); got != "watch: 3 of 10 classes" {
		t.Errorf("signal is %q", got)
	}
}
