package metric

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

// ring is n points on some of the eight modes of a ring, in turn, and the mode of each.
func ring(n int, modes ...int) (points sample.Images, of []int32) {
	r := rand.New(rand.NewPCG(3, 4))
	points = sample.Images{N: n, Height: 1, Width: 1, Channels: 2}
	for i := range n {
		mode := modes[i%len(modes)]
		sin, cos := math.Sincos(2 * math.Pi * float64(mode) / 8)
		points.Values = append(points.Values, float32(cos+0.01*r.NormFloat64()), float32(sin+0.01*r.NormFloat64()))
		of = append(of, int32(mode))
	}
	return points, of
}

// TestPointMonitor forgets modes of a ring, with and without knowing which point belongs to which.
func TestPointMonitor(t *testing.T) {
	data, modes := ring(400, 0, 1, 2, 3, 4, 5, 6, 7)
	var middle sample.Images
	middle, _ = ring(800, 0, 1, 2, 3, 4, 5, 6, 7)
	for _, test := range []struct {
		name           string
		samples        sample.Images
		known, unknown Level
		reason         string
	}{
		{"all", first(ring(800, 0, 1, 2, 3, 4, 5, 6, 7)), OK, OK, ""},
		{"one lost", first(ring(800, 0, 1, 2, 3, 4, 5, 6)), Watch, OK, "7 of 8 modes"},
		{"two lost", first(ring(800, 0, 2, 3, 4, 6, 7)), Watch, Watch, "samples reach 75 % of the data; 6 of 8 modes"},
		{"two opposite left", first(ring(800, 0, 4)), Collapsed, Collapsed, "2 of 8 modes"},
		{"one left", first(ring(800, 5)), Collapsed, Collapsed, "1 of 8 modes"},
		{"shrunk to the middle", contracted(middle, 0.5), Collapsed, Collapsed, "0 of 8 modes"},
	} {
		for _, known := range []bool{true, false} {
			want := test.known
			data.Labels = modes
			if !known {
				data.Labels, want = nil, test.unknown
			}
			m, err := NewPointMonitor(data)
			if err != nil {
				t.Fatal(err)
			}
			s := look(t, m, test.samples, Vitals{})
			if s.Level != want || known && !strings.Contains(s.Reason, test.reason) {
				t.Errorf("%s, modes known: %v: %s, want %s with %q", test.name, known, s, want, test.reason)
			}
			if known != (s.OfClasses == 8) {
				t.Errorf("%s: %d of %d modes", test.name, s.Classes, s.OfClasses)
			}
		}
	}
}

func first(points sample.Images, _ []int32) sample.Images { return points }

// TestPointMonitorMisuse wants points in the plane with a mode each.
func TestPointMonitorMisuse(t *testing.T) {
	data, modes := ring(40, 0, 1)
	labelled := func(labels []int32) sample.Images {
		data.Labels = labels
		return data
	}
	for name, err := range map[string]error{
		"pictures":         second(NewPointMonitor(noise(1, 20, 6, 6, 1))),
		"too few modes":    second(NewPointMonitor(labelled(modes[:3]))),
		"a mode below 0":   second(NewPointMonitor(labelled(append(modes[:39:39], -1)))),
		"all of one place": second(NewPointMonitor(sample.Images{Values: make([]float32, 20), N: 10, Height: 1, Width: 1, Channels: 2})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ *Monitor, err error) error { return err }
