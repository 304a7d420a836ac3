package metric

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// normal draws n vectors of d components, N(mean, deviation²).
func normal(seed uint64, n, d int, mean, deviation float64) Features {
	random := rand.New(rand.NewPCG(seed, 0))
	f := Features{N: n, D: d}
	for range n * d {
		f.Values = append(f.Values, float32(mean+deviation*random.NormFloat64()))
	}
	return f
}

func requireNear(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %g, want %g ± %g", what, got, want, tolerance)
	}
}

// requireError wants an error of one line with the words in it.
func requireError(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v, want one line that says %q", err, words)
	}
}

// TestEigen takes a random symmetric matrix apart and puts it together again.
func TestEigen(t *testing.T) {
	for _, n := range []int{1, 2, 7, 30} {
		random := rand.New(rand.NewPCG(uint64(n), 0))
		a := newMatrix(n)
		for i := range n {
			for j := range i + 1 {
				v := random.NormFloat64()
				a.set(i, j, v)
				a.set(j, i, v)
			}
		}
		values, vectors := eigen(a)
		for i := range n {
			for j := range n {
				inner, sum := 0.0, 0.0
				for k := range n {
					inner += vectors.at(i, k) * vectors.at(j, k)
					sum += values[k] * vectors.at(k, i) * vectors.at(k, j)
				}
				want := 0.0
				if i == j {
					want = 1
				}
				requireNear(t, "product of eigenvectors", inner, want, 1e-12)
				requireNear(t, "rebuilt element", sum, a.at(i, j), 1e-12)
			}
		}
	}
}

func TestRoot(t *testing.T) {
	// Of rank 1, so one eigenvalue is 0: [1 2; 2 4] has the root [1 2; 2 4]/√5.
	r := root(matrix{2, []float64{1, 2, 2, 4}})
	for i, want := range []float64{1, 2, 2, 4} {
		requireNear(t, "root of a singular matrix", r.values[i], want/math.Sqrt(5), 1e-12)
	}
}

// TestMoments computes by hand: (0,0), (2,4), (4,2).
func TestMoments(t *testing.T) {
	f := Features{Values: []float32{0, 0, 2, 4, 4, 2}, N: 3, D: 2}
	mean, covariance := moments(f)
	for i, want := range []float64{2, 2} {
		requireNear(t, "mean", mean[i], want, 1e-12)
	}
	for i, want := range []float64{4, 2, 2, 4} {
		requireNear(t, "covariance", covariance.values[i], want, 1e-12)
	}
	mean, covariance = moments(f.Rows([]int{0, 0, 1}))
	requireNear(t, "mean of chosen rows", mean[1], 4.0/3, 1e-12)
	requireNear(t, "covariance of chosen rows", covariance.at(0, 1), 8.0/3, 1e-12)
}

// TestFrechetExact compares sets whose sample moments are known exactly: four points on the axes at distance r have
// mean 0 and covariance 2r²/3 · 1.
func TestFrechetExact(t *testing.T) {
	cross := func(x, y, rx, ry float32) Features {
		return Features{Values: []float32{x + rx, y, x - rx, y, x, y + ry, x, y - ry}, N: 4, D: 2}
	}
	variance := 2.0 / 3
	for name, c := range map[string]struct {
		a, b Features
		want float64
	}{
		"itself":     {cross(1, 2, 3, 4), cross(1, 2, 3, 4), 0},
		"shifted":    {cross(0, 0, 1, 1), cross(3, 4, 1, 1), 25},
		"twice":      {cross(0, 0, 1, 1), cross(0, 0, 2, 2), 2 * variance}, // Σ (σ₁ - σ₂)²
		"other axes": {cross(0, 0, 1, 2), cross(0, 0, 2, 1), 2 * variance},
		"a point":    {cross(0, 0, 1, 2), cross(0, 0, 0, 0), 5 * variance},
		"flat":       {cross(0, 0, 1, 0), cross(0, 0, 0, 1), 2 * variance},
	} {
		got, err := Frechet(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Frechet(c.b, c.a)
		if err != nil {
			t.Fatal(err)
		}
		requireNear(t, name, got, c.want, 1e-7)
		requireNear(t, name+", the other way", back, c.want, 1e-7)
	}
}

// TestFrechetCorrelated compares covariances that do not commute with the closed form for two dimensions,
// tr √(Σ₁Σ₂) = sqrt(tr(Σ₁Σ₂) + 2 sqrt(det Σ₁ det Σ₂)).
func TestFrechetCorrelated(t *testing.T) {
	a := Features{Values: []float32{1, 1, -1, -1, 2, 0, -2, 0, 0, 0.5, 0, -0.5}, N: 6, D: 2}
	b := Features{Values: []float32{1, -1, -1, 1, 0, 3, 0, -3, 1, 0, -1, 0}, N: 6, D: 2}
	_, s := moments(a)
	_, u := moments(b)
	p := s.mul(u)
	det := func(m matrix) float64 { return m.at(0, 0)*m.at(1, 1) - m.at(0, 1)*m.at(1, 0) }
	want := s.at(0, 0) + s.at(1, 1) + u.at(0, 0) + u.at(1, 1) -
		2*math.Sqrt(p.at(0, 0)+p.at(1, 1)+2*math.Sqrt(det(s)*det(u)))
	got, err := Frechet(a, b)
	if err != nil {
		t.Fatal(err)
	}
	requireNear(t, "distance of correlated sets", got, want, 1e-9)
}

// TestFrechetOfSamples draws from two normal distributions: N(0, 1) and N(1, 2²) in each of 5 dimensions are 5·(1 + 1)
// apart.
func TestFrechetOfSamples(t *testing.T) {
	got, err := Frechet(normal(1, 20_000, 5, 0, 1), normal(2, 20_000, 5, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	requireNear(t, "distance", got, 10, 0.4)
}

func TestKernelByHand(t *testing.T) {
	// One component: k(x, y) = (xy + 1)³. a = {0, 1}, b = {2, -1}.
	a, b := Features{[]float32{0, 1}, 2, 1}, Features{[]float32{2, -1}, 2, 1}
	within := 1.0 + (-1.0)                // k(0,1) + k(2,-1)
	between := (1.0 + 1.0 + 27.0 + 0) / 4 // k(0,2), k(0,-1), k(1,2), k(1,-1)
	got, err := Kernel(a, b)
	if err != nil {
		t.Fatal(err)
	}
	requireNear(t, "kernel distance", got, within-2*between, 1e-12)
}

// TestKernelUnbiased repeats small comparisons of one distribution: their mean is 0 within three standard errors, and
// some come out below 0. A shifted one is above.
func TestKernelUnbiased(t *testing.T) {
	var values, shifted []float64
	negative := 0
	for i := range uint64(200) {
		a := normal(2*i, 10, 3, 0, 1)
		value := kernel(a, normal(2*i+1, 10, 3, 0, 1))
		if value < 0 {
			negative++
		}
		values = append(values, value)
		shifted = append(shifted, kernel(a, normal(2*i+1, 10, 3, 1, 1)))
	}
	mean, deviation := meanAndDeviation(values)
	requireNear(t, "mean kernel distance of equal distributions", mean, 0, 3*deviation/math.Sqrt(200))
	if negative < 50 {
		t.Errorf("%d of 200 estimates are below 0, want about half", negative)
	}
	if far, _ := meanAndDeviation(shifted); far < 10*math.Abs(mean) || far < 1 {
		t.Errorf("kernel distance of a shifted distribution %g, want far above %g", far, mean)
	}
}

// line is points on the real axis.
func line(x ...float32) Features { return Features{x, len(x), 1} }

// TestNeighbours counts by hand, k = 1. The balls around 0, 1, 3, 7 have the radii 1, 1, 2, 4.
func TestNeighbours(t *testing.T) {
	for name, c := range map[string]struct {
		real, generated Features
		want            Manifold
	}{
		"itself": {line(0, 1, 3, 7), line(0, 1, 3, 7),
			// 0 lies in the balls of 0 and 1; 1 in those of 0, 1, 3; 3 in 3 and 7; 7 in its own.
			Manifold{Precision: 1, Recall: 1, Density: 8.0 / 4, Coverage: 1}},
		"far away": {line(0, 1, 3, 7), line(100, 101, 103), Manifold{}},
		"half collapsed": {line(0, 1, 3, 7), line(0.5, 0.5),
			// 0.5 lies in the balls of 0 and 1; the generated balls have radius 0.
			Manifold{Precision: 1, Recall: 0, Density: 2, Coverage: 0.5}},
		"wide": {line(0, 1), line(-50, 50),
			Manifold{Precision: 0, Recall: 1, Density: 0, Coverage: 0}},
	} {
		got, err := Neighbours(c.real, c.generated, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestRadii(t *testing.T) {
	for k, want := range [][]float64{nil, {1, 1, 4, 16}, {9, 4, 9, 36}, {49, 36, 16, 49}} {
		if k == 0 {
			continue
		}
		for i, radius := range radii(line(0, 1, 3, 7), k) {
			requireNear(t, "squared radius", radius, want[i], 0)
		}
	}
}

func TestBadFeatures(t *testing.T) {
	good := normal(1, 40, 2, 0, 1)
	spoilt := normal(1, 40, 2, 0, 1)
	spoilt.Values[5] = float32(math.NaN())
	_, err := Frechet(good, spoilt)
	requireError(t, err, "generated features hold the value NaN")
	_, err = Frechet(Features{Values: make([]float32, 5), N: 2, D: 2}, good)
	requireError(t, err, "real features: 5 values are not 2 vectors of 2")
	_, err = Kernel(good, normal(1, 40, 3, 0, 1))
	requireError(t, err, "use one extractor for both")
	_, err = Kernel(good, good.Slice(0, 1))
	requireError(t, err, "want at least 2 of each")
	_, err = Neighbours(good, good, 0)
	requireError(t, err, "ask for at least 1")
	_, err = Neighbours(good, good.Slice(0, 3), 3)
	requireError(t, err, "want at least 4 of each")
	_, err = Compare(good.Slice(0, 20), good, Options{})
	requireError(t, err, "want at least 20 and 40")
	_, err = Compare(good, normal(1, 40, 3, 0, 1), Options{})
	requireError(t, err, "components")
}

func TestRows(t *testing.T) {
	f := Features{Values: []float32{1, 2, 3, 4, 5, 6}, N: 3, D: 2}
	if rows := f.Rows([]int{2, 0, 2}); rows.N != 3 || rows.Row(0)[1] != 6 || rows.Row(1)[0] != 1 || rows.Row(2)[0] != 5 {
		t.Errorf("rows 2, 0, 2 are %v", rows)
	}
	if part := f.Slice(1, 2); part.N != 2 || part.Row(0)[0] != 3 {
		t.Errorf("rows 1 and 2 are %v", part)
	}
	for n := range 9 {
		x, y := normal(1, 1, max(n, 1), 0, 1).Values[:n], normal(2, 1, max(n, 1), 0, 1).Values[:n]
		wantDot, wantDistance := 0.0, 0.0
		for i := range x {
			wantDot += float64(x[i]) * float64(y[i])
			wantDistance += float64(x[i]-y[i]) * float64(x[i]-y[i])
		}
		requireNear(t, "scalar product", dot(x, y), wantDot, 1e-6)
		requireNear(t, "squared distance", squaredDistance(x, y), wantDistance, 1e-6)
	}
}
