package show

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// plots are the golden pictures, each with what the others lack.
func plots() map[string]Plot {
	r := noise()
	var x, falling, rising []float64
	for i := range 1000 {
		x = append(x, math.Pow(10, float64(i)/200))
		falling = append(falling, 1e3/(1+float64(i)))
		rising = append(rising, float64(i)-500)
	}
	cloud := func(at float64) (x, y []float64) {
		for range 200 {
			x, y = append(x, at+0.6*r.NormFloat64()), append(y, 0.4*r.NormFloat64())
		}
		return x, y
	}
	leftX, leftY := cloud(-1)
	rightX, rightY := cloud(1)
	heat := &Heat{XMin: -3, XMax: 3, YMin: -2, YMax: 2, Cols: 60, Rows: 40, Z: make([]float64, 60*40)}
	for i := range heat.Z {
		x, y := heat.Point(i)
		heat.Z[i] = math.Sin(x) * math.Cos(y)
		if x > 2 && y > 1.5 {
			heat.Z[i] = math.NaN()
		}
	}
	var many []Series
	for i := range 9 {
		s := Series{Name: fmt.Sprintf("learning rate 1e-%d", i)}
		for j := range 50 {
			s.Y = append(s.Y, 1e6*math.Sin(float64(j)/10+float64(i)))
		}
		s.Y[10], s.Y[12] = math.NaN(), math.Inf(1) // a point between two gaps
		many = append(many, s)
	}
	long := make([]float64, 100000)
	for i := range long {
		long[i] = r.NormFloat64()
	}
	long[77777] = 9 // one value that thinning must keep
	return map[string]Plot{
		"curves-log": {Title: "Log axes", XLabel: "step", YLabel: "loss", LogX: true, LogY: true, Series: []Series{
			{Name: "one", X: x, Y: falling},
			{Name: "two, a gap where ≤ 0", X: x, Y: rising, Dashed: true},
		}},
		"curves-heat": {Title: "Critic over the plane", XLabel: "x", YLabel: "y", Heat: heat, Series: []Series{
			{Name: "data", X: leftX, Y: leftY, Points: true},
			{Name: "samples", X: rightX, Y: rightY, Points: true},
		}},
		"curves-many": {
			Title:  "Many series under a title that is far too long to fit on one line of this small picture",
			XLabel: "step", YLabel: "loss", Series: many, Width: 420, Height: 300,
		},
		"curves-tiny": {
			YMin: 1, YMax: 9, LogY: true, Width: 200, Height: 160, Series: []Series{{Name: "x", Y: []float64{1.5, 1.7, 20}}},
		},
		"curves-long":   {Series: []Series{{Name: "100000 values", Y: long}}},
		"curves-crowd":  {Width: 160, Height: 160, Series: append(many, many...)}, // a legend cut off
		"curves-single": {XLabel: "step", Series: []Series{{Name: "one value", Y: []float64{0.7}}}},
		"curves-empty":  {},
	}
}

func TestCurvesImage(t *testing.T) {
	for name, p := range plots() {
		img, err := CurvesImage(p)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, img)
	}
}

func TestCurvesRejects(t *testing.T) {
	heat := func(cols, rows, n int) *Heat {
		return &Heat{XMax: 1, YMax: 1, Cols: cols, Rows: rows, Z: make([]float64, n)}
	}
	nan := math.NaN()
	for _, test := range []struct {
		plot Plot
		want string
	}{
		{Plot{Series: []Series{{}, {Name: "a", X: []float64{1}, Y: []float64{1, 2}}}}, `series 1 ("a") has 1 x for 2 y`},
		{Plot{Series: []Series{{X: []float64{}, Y: []float64{1}}}}, "0 x for 1 y"},
		{Plot{Width: -640}, "plot of -640×400"},
		{Plot{Height: 100}, "plot of 640×100"},
		{Plot{Width: 4001}, "plot of 4001×400"},
		{Plot{YMin: 1}, "no y axis from 1 to 0"},
		{Plot{YMin: nan, YMax: 1}, "no y axis from NaN"},
		{Plot{YMax: math.Inf(1)}, "no y axis from 0 to +Inf"},
		{Plot{YMax: 1, LogY: true}, "no y axis from 0 to 1"},
		{Plot{Heat: heat(2, 2, 3)}, "3 values is not 2×2"},
		{Plot{Heat: heat(0, 2, 0)}, "0 values is not 0×2"},
		{Plot{Heat: heat(1<<32, 1<<32, 0)}, "0 values"},
		{Plot{Heat: heat(2, 2, 4), LogX: true}, "does not combine"},
		{Plot{Heat: heat(2, 2, 4), YMax: 1}, "does not combine"},
		{Plot{Heat: &Heat{XMin: 1, XMax: 1, YMax: 1, Cols: 1, Rows: 1, Z: []float64{0}}}, "no heat over 1 to 1"},
		{Plot{Heat: &Heat{XMax: nan, YMax: 1, Cols: 1, Rows: 1, Z: []float64{0}}}, "no heat over 0 to NaN"},
	} {
		_, err := CurvesImage(test.plot)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, test.want)
		}
		if shown := Curves(test.plot); shown == nil || shown.Error() != err.Error() {
			t.Errorf("Curves: %v, CurvesImage: %v", shown, err)
		}
	}
}

// Values of any size, on any axes, must neither panic nor hang.
func TestCurvesTakeAnyValues(t *testing.T) {
	r := noise()
	value := func() float64 {
		switch r.IntN(10) {
		case 0:
			return 0
		case 1:
			return []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64}[r.IntN(5)]
		}
		return math.Exp((r.Float64()-0.5)*float64(r.IntN(2800))) * float64(1-2*r.IntN(2))
	}
	for range 300 {
		var s Series
		for range r.IntN(6) {
			s.X, s.Y = append(s.X, value()), append(s.Y, value())
		}
		s.Points = r.IntN(3) == 0
		p := Plot{XLabel: "x", Series: []Series{s}, LogX: r.IntN(2) == 0, LogY: r.IntN(2) == 0, Width: 160, Height: 160}
		if _, err := CurvesImage(p); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
	}
}

func TestThin(t *testing.T) {
	line := make(plotter.XYs, 10000)
	for i := range line {
		line[i] = plotter.XY{X: float64(i), Y: math.Sin(float64(i))}
	}
	line[1234].Y, line[8765].Y = 50, -50
	kept := thin(line, 100)
	if len(kept) != 202 {
		t.Errorf("%d points of %d are kept for 100 columns", len(kept), len(line))
	}
	xmin, xmax, ymin, ymax := plotter.XYRange(kept)
	if xmin != 0 || xmax != 9999 || ymin != -50 || ymax != 50 {
		t.Errorf("kept x %g to %g, y %g to %g", xmin, xmax, ymin, ymax)
	}
	for i := 1; i < len(kept); i++ {
		if kept[i].X < kept[i-1].X {
			t.Fatalf("point %d goes back", i)
		}
	}
}

func labels(ticks []plot.Tick) string {
	var all []string
	for _, tick := range ticks {
		if !tick.IsMinor() {
			all = append(all, tick.Label)
		}
	}
	return strings.Join(all, " ")
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		low, high, least float64
		n                int
		want             string
	}{
		{0, 1, 0, 8, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{-3, 3, 0, 8, "-3 -2 -1 0 1 2 3"},
		{1, 5000, 1, 6, "1000 2000 3000 4000 5000"},
		{1, 3, 1, 8, "1 2 3"},
		{0, 3e6, 0, 4, "0 1e6 2e6 3e6"},
		{0, 1.5e6, 0, 4, "0 5e5 1e6 1.5e6"},
		{0.0001, 0.0003, 0, 4, "0.0001 0.0002 0.0003"},
		{1e-7, 3e-7, 0, 4, "1e-7 2e-7 3e-7"},
		{1e6, 1e6 + 20, 0, 3, "1e6 1.00001e6 1.00002e6"},
	} {
		if got := labels(linearTicks(test.low, test.high, test.least, test.n)); got != test.want {
			t.Errorf("%g to %g: %q, want %q", test.low, test.high, got, test.want)
		}
	}
	for _, test := range []struct {
		low, high float64
		n         int
		want      string
	}{
		{1, 1e5, 8, "1 10 100 1000 10000 1e5"},
		{1, 10, 8, "1 2 5 10"},
		{0.03, 3, 8, "0.05 0.1 0.2 0.5 1 2"},
		{1e-8, 1e8, 4, "1e-5 1 1e5"},
		{1, 1.5, 6, "1.0 1.1 1.2 1.3 1.4 1.5"},
	} {
		if got := labels(logTicks(test.low, test.high, test.n)); got != test.want {
			t.Errorf("log %g to %g: %q, want %q", test.low, test.high, got, test.want)
		}
	}
}

// Labels of an axis differ, and no tick lies outside.
func TestTicksTellApart(t *testing.T) {
	r := noise()
	for range 5000 {
		middle := math.Exp(80*r.Float64()-40) * float64(1-2*r.IntN(2))
		width := math.Abs(middle) * math.Exp(-18*r.Float64())
		low, high, n := middle-width, middle+width, 2+r.IntN(7)
		ticks := linearTicks(low, high, 0, n)
		seen := map[string]bool{}
		for _, tick := range ticks {
			if seen[tick.Label] || tick.Value < low-width/1e6 || tick.Value > high+width/1e6 {
				t.Fatalf("%g to %g, %d: %v", low, high, n, ticks)
			}
			seen[tick.Label] = true
		}
		if len(ticks) == 0 || len(ticks) > n {
			t.Fatalf("%g to %g: %d ticks for %d", low, high, len(ticks), n)
		}
	}
}

func TestFit(t *testing.T) {
	style := textStyle(13, false)
	if got := fit(style, " two\nlines ", 1000); got != "two lines" {
		t.Errorf("%q", got)
	}
	for _, width := range []vg.Length{40 * px, 100 * px} {
		got := fit(style, strings.Repeat("über ", 2000), width)
		if style.Width(got) > width || !strings.HasSuffix(got, "…") || !strings.HasPrefix(got, "ü") {
			t.Errorf("%q is the cut to %v points", got, width)
		}
	}
}
