package latent_test

import (
	"math"
	"slices"
	"testing"

	"gantry.local/gan/latent"
	"gantry.local/gan/train"
)

func length(z []float32) float64 {
	var sum float64
	for _, v := range z {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func near(a, b []float32, tolerance float64) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= tolerance })
}

func TestPaths(t *testing.T) {
	half := float32(math.Sqrt2 / 2)
	for _, c := range []struct {
		name    string
		path    latent.Path
		a, b    []float32
		t       float64
		want    []float32
		because string
	}{
		{"linear", latent.Linear, []float32{1, 0}, []float32{0, 1}, 0.5, []float32{0.5, 0.5}, "the mean"},
		{"linear", latent.Linear, []float32{1, 2}, []float32{5, -2}, 0.25, []float32{2, 1}, "a quarter of the way"},
		{"spherical", latent.Spherical, []float32{1, 0}, []float32{0, 1}, 0.5, []float32{half, half}, "on the circle"},
		{"spherical", latent.Spherical, []float32{2, 0}, []float32{0, 2}, 1. / 3, []float32{float32(math.Sqrt(3)), 1}, "30°"},
		{"spherical", latent.Spherical, []float32{1, 1}, []float32{3, 3}, 0.5, []float32{2, 2}, "the same direction"},
		{"spherical", latent.Spherical, []float32{1, 0}, []float32{-1, 0}, 0.25, []float32{0.5, 0}, "opposite directions"},
		{"spherical", latent.Spherical, []float32{0, 0}, []float32{4, 0}, 0.5, []float32{2, 0}, "from the origin"},
	} {
		if got := c.path(c.a, c.b, c.t); !near(got, c.want, 1e-6) {
			t.Errorf("%s from %v to %v at %g is %v, want %v: %s", c.name, c.a, c.b, c.t, got, c.want, c.because)
		}
		if !near(c.path(c.a, c.b, 0), c.a, 1e-6) || !near(c.path(c.a, c.b, 1), c.b, 1e-6) {
			t.Errorf("%s from %v to %v does not begin and end there", c.name, c.a, c.b)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a path between latents of 1 and 2 components did not panic")
		}
	}()
	latent.Linear([]float32{1}, []float32{1, 2}, 0)
}

// TestSphericalKeepsLength wants the length of a hundred-dimensional latent all along the way, where the straight line
// dips.
func TestSphericalKeepsLength(t *testing.T) {
	z := train.Latents(2, 100, 3)
	a, b := z[:100], z[100:]
	low, high := min(length(a), length(b)), max(length(a), length(b))
	for i := range 11 {
		if got := length(latent.Spherical(a, b, float64(i)/10)); got < low-1e-3 || got > high*1.02 {
			t.Errorf("at %d/10 the length is %g, want it between %g and %g", i, got, low, high)
		}
	}
	if got := length(latent.Linear(a, b, 0.5)); got > 0.8*low {
		t.Errorf("half way along the line the length is %g: the test's latents are not far apart", got)
	}
}

func TestBetween(t *testing.T) {
	a, b := []float32{0, 0, 10, 10}, []float32{4, 2, 30, 10}
	got, err := latent.Between(a, b, 2, 3, latent.Linear)
	want := []float32{0, 0, 2, 1, 4, 2, 10, 10, 20, 10, 30, 10}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, c := range []struct{ a, b, latent, columns int }{{4, 6, 2, 3}, {4, 4, 3, 3}, {4, 4, 2, 1}, {0, 0, 2, 3}, {4, 4, 0, 3}} {
		if _, err := latent.Between(make([]float32, c.a), make([]float32, c.b), c.latent, c.columns, latent.Linear); err == nil {
			t.Errorf("Between of %+v is no error", c)
		}
	}
}

func TestWalk(t *testing.T) {
	const frames, components = 60, 4000
	z := latent.Walk(frames, components, 5)
	frame := func(i int) []float32 { return z[i%frames*components : (i%frames+1)*components] }
	var steps []float64
	for i := range frames {
		// Each frame has 4000 independent N(0,1) components.
		if got := length(frame(i)) / math.Sqrt(components); math.Abs(got-1) > 0.05 {
			t.Errorf("frame %d has a root mean square of %g, want 1", i, got)
		}
		difference := make([]float32, components)
		for j := range difference {
			difference[j] = frame(i + 1)[j] - frame(i)[j]
		}
		steps = append(steps, length(difference))
	}
	// The step from the last frame to the first is as long as any other.
	if low, high := slices.Min(steps), slices.Max(steps); low < 0.9*high || high > 0.25*math.Sqrt(components) {
		t.Errorf("steps from frame to frame are %g to %g long, want small and even ones", low, high)
	}
	if slices.Equal(frame(0), frame(frames/2)) {
		t.Error("the walk does not move")
	}
	twice := latent.Walk(2*frames, components, 5)
	if !near(twice[2*components:3*components], frame(1), 1e-6) {
		t.Error("with twice the frames, the walk is another one")
	}
	if slices.Equal(latent.Walk(2, 3, 1), latent.Walk(2, 3, 2)) {
		t.Error("two seeds gave one walk")
	}
}

func TestTruncate(t *testing.T) {
	z := train.Latents(200, 10, 1)
	got, err := latent.Truncate(z, 0.7, 9)
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for i, v := range got {
		if within := math.Abs(float64(z[i])) <= 0.7; math.Abs(float64(v)) > 0.7 || within && v != z[i] {
			t.Fatalf("component %d was %g and is %g", i, z[i], v)
		}
		sum += float64(v) * float64(v)
	}
	// The variance of N(0,1) between ±0.7 is 1 - 2·0.7·φ(0.7)/(2Φ(0.7)-1).
	if variance := sum / float64(len(got)); math.Abs(variance-0.1526) > 0.02 {
		t.Errorf("variance %g, want that of the truncated normal, 0.153", variance)
	}
	part, err := latent.Truncate(z[:100], 0.7, 9)
	if err != nil || !slices.Equal(part, got[:100]) {
		t.Errorf("fewer latents are truncated to others (%v)", err)
	}
	for _, threshold := range []float64{0, -1, math.NaN()} {
		if _, err := latent.Truncate(z, threshold, 1); err == nil {
			t.Errorf("threshold %g is no error", threshold)
		}
	}
}

func TestShrink(t *testing.T) {
	z := []float32{2, -4}
	if got := latent.Shrink(z, 0.5); !slices.Equal(got, []float32{1, -2}) || z[0] != 2 {
		t.Errorf("half of [2 -4] is %v, and z is now %v", got, z)
	}
}
