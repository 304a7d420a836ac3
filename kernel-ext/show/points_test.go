package show

import (
	"math"
	"strings"
	"testing"
)

// ring8 are n points of eight clouds on a circle.
func ring8(n int, radius, spread float64) []float32 {
	r := noise()
	var points []float32
	for i := range n {
		angle := float64(i%8) * math.Pi / 4
		points = append(points, float32(radius*math.Cos(angle)+spread*r.NormFloat64()),
			float32(radius*math.Sin(angle)+spread*r.NormFloat64()))
	}
	return points
}

func TestPointsImage(t *testing.T) {
	wide := []float32{-10, 0, 10, 1, float32(math.NaN()), 0, 3, float32(math.Inf(1))}
	for name, c := range map[string]Cloud{
		"points":       {Data: ring8(1000, 1, 0.05), Samples: ring8(1000, 0.8, 0.2)},
		"points-card":  {Data: ring8(1000, 1, 0.02), Samples: ring8(1000, 1, 0.1), Width: Room, Height: Room},
		"points-alone": {Samples: wide, Width: 300, Height: 160},
		"points-axes":  {Data: ring8(80, 1, 0.05), Samples: ring8(80, 2, 0.1), XMin: -1.5, XMax: 1.5, YMin: -1.5, YMax: 1.5, Width: 200, Height: 200},
	} {
		img, err := PointsImage(c)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, img)
	}
}

// TestPointsScale wants a unit to be as long in x as in y, and the axes to be those of the data whatever the samples are.
func TestPointsScale(t *testing.T) {
	flat := Cloud{Data: []float32{-2, 0, 2, 0.5}}
	xMin, xMax, yMin, yMax := flat.axes(300, 200)
	if unit := (xMax - xMin) / 300; math.Abs((yMax-yMin)/200-unit) > 1e-12 {
		t.Errorf("axes %g to %g by %g to %g have two scales", xMin, xMax, yMin, yMax)
	}
	if xMin > -2 || xMax < 2 || yMin > 0 || yMax < 0.5 {
		t.Errorf("axes %g to %g by %g to %g do not hold the data", xMin, xMax, yMin, yMax)
	}
	far := flat
	far.Samples = []float32{1000, 1000}
	if a, _, _, _ := far.axes(300, 200); a != xMin {
		t.Errorf("samples moved the axes of the data from %g to %g", xMin, a)
	}
	p := Plot{XMin: -1, XMax: 1, YMin: 0, YMax: 1}
	nan := float32(math.NaN())
	if n := p.outside([]float32{0, 0, 1, 1, 2, 0.5, 0, -0.1, nan, 0.5}); n != 3 {
		t.Errorf("%d points are outside, want 3", n)
	}
}

func TestPointsRejects(t *testing.T) {
	two := []float32{0, 0, 1, 1}
	for _, test := range []struct {
		cloud Cloud
		want  string
	}{
		{Cloud{}, "no points to draw"},
		{Cloud{Samples: two[:3]}, "0 and 3 coordinates are no points"},
		{Cloud{Data: two[:1], Samples: two}, "1 and 4 coordinates"},
		{Cloud{Samples: two, Width: 100}, "plot of 100×480 pixels"},
		{Cloud{Samples: two, XMin: 1, XMax: 1}, "no x axis from 1 to 1"},
		{Cloud{Samples: two, XMax: 1, YMin: 2, YMax: 1}, "no y axis from 2 to 1"},
	} {
		_, err := PointsImage(test.cloud)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, test.want)
		}
		if shown := Points(test.cloud); shown == nil || shown.Error() != err.Error() {
			t.Errorf("Points: %v, PointsImage: %v", shown, err)
		}
	}
}

func BenchmarkPoints(b *testing.B) {
	c := Cloud{Data: ring8(1000, 1, 0.02), Samples: ring8(1000, 1, 0.1), Width: Room, Height: Room}
	for b.Loop() {
		if _, err := PointsImage(c); err != nil {
			b.Fatal(err)
		}
	}
}
