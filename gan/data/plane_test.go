package data

import (
	"math"
	"slices"
	"testing"

	"gantry.local/gan/sample"
)

// load loads a set, or ends the test.
func load(t testing.TB, set Set) *sample.Images {
	t.Helper()
	images, err := set.Load()
	if err == nil {
		err = images.Check()
	}
	if err != nil {
		t.Fatalf("%s: %v", set.Name, err)
	}
	return images
}

func TestMixture(t *testing.T) {
	for _, mixture := range []Mixture{Ring8(), Grid25()} {
		const n = 20_000
		points := load(t, mixture.Set(n, 3))
		if points.N != n || points.Height != 1 || points.Width != 1 || points.Channels != 2 ||
			points.Classes() != len(mixture.Centres) {
			t.Fatalf("%s: %d points of %d×%d×%d in %d classes", mixture.Name, points.N, points.Height, points.Width,
				points.Channels, points.Classes())
		}
		squares, counts := 0.0, make([]int, len(mixture.Centres))
		for i, label := range points.Labels {
			mode, distance := mixture.Nearest(float64(points.Values[2*i]), float64(points.Values[2*i+1]))
			if mode != int(label) {
				t.Fatalf("%s: point %d is nearest to centre %d, its label is %d", mixture.Name, i, mode, label)
			}
			squares += distance * distance
			counts[mode]++
		}
		// Two directions, so the mean square of the distance is twice the variance.
		if std := math.Sqrt(squares / n / 2); math.Abs(std/mixture.Std-1) > 0.02 {
			t.Errorf("%s: standard deviation %.4f, want %g", mixture.Name, std, mixture.Std)
		}
		if expect := n / len(counts); slices.Min(counts) < expect*8/10 || slices.Max(counts) > expect*12/10 {
			t.Errorf("%s: points per centre %v, want about %d", mixture.Name, counts, expect)
		}
	}
}

func TestCentres(t *testing.T) {
	ring := Ring8().Centres
	for i, centre := range ring {
		if r := math.Hypot(centre[0], centre[1]); math.Abs(r-1) > 1e-12 {
			t.Errorf("centre %d of the ring is at radius %g", i, r)
		}
		next := ring[(i+1)%len(ring)]
		if d := math.Hypot(centre[0]-next[0], centre[1]-next[1]); math.Abs(d-2*math.Sin(math.Pi/8)) > 1e-12 {
			t.Errorf("centre %d of the ring is %g from the next", i, d)
		}
	}
	grid := Grid25().Centres
	if len(ring) != 8 || len(grid) != 25 || grid[0] != [2]float64{-4, -4} || grid[12] != [2]float64{0, 0} ||
		grid[24] != [2]float64{4, 4} {
		t.Errorf("the ring has %d centres, the grid %v", len(ring), grid)
	}
}

func TestSwissRoll(t *testing.T) {
	roll := load(t, SwissRoll(5000, 1))
	squares, turns := 0.0, 0.0
	for i := range roll.N {
		x, y := float64(roll.Values[2*i]), float64(roll.Values[2*i+1])
		// At a radius r the noiseless spiral is at the angle 4.5πr.
		angle := 4.5 * math.Pi * math.Hypot(x, y)
		off := math.Remainder(angle-math.Atan2(y, x), 2*math.Pi)
		squares += off * off
		turns = max(turns, angle/2/math.Pi)
	}
	// The noise, 0.25 along the radius and 0.25 across it, which is an angle of 0.25/radius.
	if rms := math.Sqrt(squares / 5000); rms < 0.2 || rms > 0.3 {
		t.Errorf("points are %.3f off the spiral, want about 0.25", rms)
	}
	if turns < 2.2 || turns > 2.4 || roll.Labels != nil {
		t.Errorf("the spiral ends after %.2f turns, want 2.25; labels %v", turns, roll.Labels)
	}
}

func TestMoons(t *testing.T) {
	moons := load(t, Moons(5000, 1))
	worst, squares := 0.0, 0.0
	for i, label := range moons.Labels {
		x, y := float64(moons.Values[2*i]), float64(moons.Values[2*i+1])
		centre, up := [2]float64{-1. / 3, -1. / 6}, 1.0
		if label == 1 {
			centre, up = [2]float64{1. / 3, 1. / 6}, -1
		}
		off := math.Hypot(x-centre[0], y-centre[1]) - 2./3
		squares += off * off
		if worst = max(worst, math.Abs(off)); up*(y-centre[1]) < -0.2 {
			t.Fatalf("point %d at %g, %g lies on the wrong side of its moon", i, x, y)
		}
	}
	if rms := math.Sqrt(squares / 5000); math.Abs(rms-0.05/1.5) > 0.003 || worst > 0.2 {
		t.Errorf("points are %.4f off their moons, at most %.3f, want 0.0333", rms, worst)
	}
	if counts := histogram(moons); counts[0] < 2300 || counts[1] < 2300 {
		t.Errorf("points per moon %v", counts)
	}
}

func TestSines(test *testing.T) {
	const T = 48
	sines := load(test, Sines(300, T, 5))
	if sines.N != 300 || sines.Height != T || sines.Width != 1 || sines.Channels != 1 {
		test.Fatalf("%d series of %d×%d×%d", sines.N, sines.Height, sines.Width, sines.Channels)
	}
	for i := range sines.N {
		series := sines.Values[i*T:][:T]
		// Of every sine x(t-1)+x(t+1) = 2cos(ω)·x(t), here with ω of 1 to 5 turns in T steps.
		peak, num, den := 0.0, 0.0, 0.0
		for t := 1; t < T-1; t++ {
			x := float64(series[t])
			num += x * float64(series[t-1]+series[t+1])
			den += 2 * x * x
			peak = max(peak, math.Abs(x))
		}
		turns := math.Acos(num/den) / 2 / math.Pi * T
		if turns < 0.99 || turns > 5.01 || peak > 0.9 || peak < 0.08 {
			test.Fatalf("series %d has %.3f turns and peaks at %.3f", i, turns, peak)
		}
		for t := 1; t < T-1; t++ {
			if off := float64(series[t-1]+series[t+1]) - num/den*2*float64(series[t]); math.Abs(off) > 1e-5 {
				test.Fatalf("series %d is no sine at step %d", i, t)
			}
		}
	}
}

// TestSeeds wants another seed to give other points, and the same seed the same ones.
func TestSeeds(t *testing.T) {
	for _, draw := range []func(seed int64) Set{
		func(seed int64) Set { return Ring8().Set(50, seed) },
		func(seed int64) Set { return Mixture{Centres: [][2]float64{{1, 2}}, Std: 1}.Set(50, seed) },
		func(seed int64) Set { return SwissRoll(50, seed) },
		func(seed int64) Set { return Moons(50, seed) },
		func(seed int64) Set { return Sines(50, 8, seed) },
	} {
		one, again, other := load(t, draw(1)), load(t, draw(1)), load(t, draw(2))
		if !slices.Equal(one.Values, again.Values) || slices.Equal(one.Values, other.Values) {
			t.Errorf("%s: the values don't follow the seed", draw(1).Name)
		}
	}
}

func TestToyErrors(t *testing.T) {
	_, err := Ring8().Set(-1, 0).Load()
	requireLine(t, err, "ring,n=-1", "want at least one sample")
	_, err = Mixture{Std: 1}.Set(9, 0).Load()
	requireLine(t, err, "mixture: want at least one centre")
	_, err = Mixture{Centres: [][2]float64{{0, math.NaN()}}, Std: 1}.Set(9, 0).Load()
	requireLine(t, err, "has the value NaN")
	_, err = Sines(-1, 0, 0).Load()
	requireLine(t, err, "sines,n=-1", "want at least one sample")
}
