package show

import (
	"image"
	"math"
	"strings"
	"testing"
)

// waves are n series of sines of many frequencies, each channel a little later.
func waves(n, t, c int) Sequences {
	s := Sequences{N: n, T: t, C: c}
	for i := range n {
		for j := range t {
			for k := range c {
				s.Data = append(s.Data, float32((0.2+0.03*float64(i))*math.Sin(2*math.Pi*float64(1+i%5)*(float64(j)/float64(t)+0.06*float64(k))+float64(i))))
			}
		}
	}
	return s
}

func TestLinesImage(t *testing.T) {
	card := waves(24, 24, 1)
	card.YMin, card.YMax, card.Rows, card.Width, card.Height = -1, 1, 6, Room, Room
	stocks := waves(6, 64, 3)
	stocks.Names, stocks.Columns = []string{"open", "close", "a name that is so long that the line has no room for it all"}, 3
	stocks.Width = 480
	nan := float32(math.NaN())
	gaps := Sequences{Data: []float32{3, nan, 4, 5, float32(math.Inf(-1)), 3.5, 3, 3}, N: 2, T: 4, C: 1, Width: 240}
	for name, s := range map[string]Sequences{
		"lines": waves(24, 24, 1), "lines-card": card, "lines-channels": stocks, "lines-gaps": gaps,
		"lines-flat": {Data: []float32{2, 2}, N: 2, T: 1, C: 1, Width: 160, Height: 60},
	} {
		img, err := LinesImage(s)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, img)
	}
}

// TestLinesLayout wants the same size and axes for whatever values, so that a live figure stands still.
func TestLinesLayout(t *testing.T) {
	s := waves(50, 10, 2)
	s.YMin, s.YMax, s.Rows, s.Width, s.Height = -1, 1, 6, Room, Room
	for range 2 {
		img, err := LinesImage(s)
		if err != nil || img.Bounds().Size() != image.Pt(2*Room, 2*Room) {
			t.Errorf("%v, %v, want %d pixels of the screen each way", img.Bounds(), err, Room)
		}
		for i := range s.Data {
			s.Data[i] *= 100 // far beyond the axes
		}
	}
	if y := s.axis(); y != (span{-1, 1}) {
		t.Errorf("the axis is %v", y)
	}
	img, err := LinesImage(waves(9, 10, 1))
	if err != nil || img.Bounds().Size() != image.Pt(2*640, 2*(3*72+20)) {
		t.Errorf("9 series: %v, %v, want 3 rows", img.Bounds(), err)
	}
}

func TestLinesRejects(t *testing.T) {
	data := make([]float32, 24)
	for _, test := range []struct {
		series Sequences
		want   string
	}{
		{Sequences{}, "0 series of 0 steps"},
		{Sequences{Data: data, N: 2, T: 5, C: 2}, "24 values are not 2 series of 5 steps and 2 channels"},
		{Sequences{N: 1 << 32, T: 1 << 32, C: 1}, "0 values"},
		{Sequences{Data: data, N: 2, T: 6, C: 2, Names: []string{"x"}}, "1 names for 2 channels"},
		{Sequences{Data: data, N: 2, T: 12, C: 1, Rows: -1}, "-1 rows"},
		{Sequences{Data: data, N: 2, T: 12, C: 1, Height: 30}, "table of 640×30"},
		{Sequences{Data: data, N: 2, T: 12, C: 1, YMin: 1}, "no y axis from 1 to 0"},
	} {
		_, err := LinesImage(test.series)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, test.want)
		}
		if shown := Lines(test.series); shown == nil || shown.Error() != err.Error() {
			t.Errorf("Lines: %v, LinesImage: %v", shown, err)
		}
	}
}

func BenchmarkLines(b *testing.B) {
	s := waves(24, 64, 1)
	s.Width, s.Height = Room, Room
	for b.Loop() {
		if _, err := LinesImage(s); err != nil {
			b.Fatal(err)
		}
	}
}
