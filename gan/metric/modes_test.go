package metric

import (
	"math"
	"slices"
	"testing"
)

func TestHistogram(t *testing.T) {
	h, err := Count([]int32{0, 2, 2, 2, 3}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Histogram{1, 0, 3, 1, 0}); !slices.Equal(h, want) || h.Total() != 5 {
		t.Errorf("histogram %v of %d, want %v", h, h.Total(), want)
	}
	for least, want := range map[int]int{0: 3, 1: 3, 2: 1, 4: 0} {
		if got := h.Captured(least); got != want {
			t.Errorf("%d classes with at least %d samples, want %d", got, least, want)
		}
	}
	if class, share := h.Rarest(); class != 1 || share != 0 {
		t.Errorf("rarest class %d with %g", class, share)
	}
	if class, share := (Histogram{3, 1, 4}).Rarest(); class != 1 || share != 0.125 {
		t.Errorf("rarest class %d with %g, want 1 with 0.125", class, share)
	}
	if class, share := (Histogram{0, 0}).Rarest(); class != 0 || share != 0 {
		t.Errorf("rarest class of an empty histogram %d with %g", class, share)
	}
	_, err = Count([]int32{0, 5}, 5)
	requireError(t, err, "sample 1 has class 5: want 0 to 4")
	_, err = Count([]int32{0}, math.MaxInt)
	requireError(t, err, "at most 65536")
	_, err = Count([]int32{-1}, 5)
	requireError(t, err, "sample 0 has class -1")
}

func TestKL(t *testing.T) {
	for name, c := range map[string]struct {
		h, target Histogram
		want      float64
	}{
		"uniform":            {Histogram{4, 4, 4, 4}, nil, 0},
		"one mode of four":   {Histogram{0, 9, 0, 0}, nil, math.Log(4)},
		"half of the modes":  {Histogram{5, 5, 0, 0}, nil, math.Log(2)},
		"equal shares":       {Histogram{1, 2}, Histogram{10, 20}, 0},
		"by hand":            {Histogram{1, 3}, Histogram{1, 1}, 0.25*math.Log(0.5) + 0.75*math.Log(1.5)},
		"not in the target":  {Histogram{1, 1}, Histogram{2, 0}, math.Inf(1)},
		"more in the target": {Histogram{2, 0}, Histogram{1, 1}, math.Log(2)},
	} {
		got, err := c.h.KL(c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want && !(math.Abs(got-c.want) < 1e-12) {
			t.Errorf("%s: %g, want %g", name, got, c.want)
		}
	}
	for _, pair := range [][2]Histogram{{{0, 0}, nil}, {{1, 1}, {1}}, {{1}, {0}}} {
		_, err := pair[0].KL(pair[1])
		requireError(t, err, "want the same classes, and samples")
	}
}

func TestModes(t *testing.T) {
	centres := [][2]float64{{0, 0}, {10, 0}, {0, 10}, {10, 10}}
	points := []float32{
		0, 0, 0.2, 0.2, 0, -0.29, // the first mode
		10, 0.1, 10, 0.31, // the second: the last one is farther than 3·0.1
		9, 9, // nearest to the fourth, and far from it
	}
	r, err := Modes(points, centres, 0.1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Counts, Histogram{3, 1, 0, 0}) || r.Captured != 2 {
		t.Errorf("counts %v, %d captured, want [3 1 0 0] and 2", r.Counts, r.Captured)
	}
	requireNear(t, "high-quality share", r.HighQuality, 4.0/6, 1e-12)
	p := []float64{3.0 / 6, 2.0 / 6, 1.0 / 6}
	want := 0.0
	for _, share := range p {
		want += share * math.Log(4*share)
	}
	requireNear(t, "reverse KL", r.ReverseKL, want, 1e-12)
	if got := r.String(); got != "2 of 4 modes, 66.7 % high quality, reverse KL 0.375" {
		t.Errorf("text is %q", got)
	}
	if r, err = Modes(points, centres, 0.1, 2); err != nil || r.Captured != 1 {
		t.Errorf("%d modes with at least two points (%v), want 1", r.Captured, err)
	}
}

func TestBadModes(t *testing.T) {
	centres := [][2]float64{{0, 0}}
	for _, c := range []struct {
		points  []float32
		centres [][2]float64
		std     float64
		words   string
	}{
		{nil, centres, 1, "modes of 0 coordinates"},
		{make([]float32, 3), centres, 1, "want pairs of coordinates"},
		{make([]float32, 4), nil, 1, "0 centres"},
		{make([]float32, 4), centres, 0, "a positive deviation"},
		{make([]float32, 4), centres, math.NaN(), "a positive deviation"},
		{[]float32{1, float32(math.Inf(1))}, centres, 1, "+Inf"},
	} {
		_, err := Modes(c.points, c.centres, c.std, 1)
		requireError(t, err, c.words)
	}
}
