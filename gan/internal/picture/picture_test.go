package picture

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

// TestGrid compares pixels of a small grid, and wants nothing where nothing can be drawn.
func TestGrid(t *testing.T) {
	nan := float32(math.NaN())
	got, is := Grid([]float32{-1, 1, 0, nan, -5, 5, 1, 1}, 2, 2, 2, 1, 10).(*image.NRGBA)
	if !is || got.Bounds() != image.Rect(0, 0, 4+gap+4, 4) {
		t.Fatalf("%v", got)
	}
	for at, want := range map[image.Point]color.NRGBA{
		{}: {0, 0, 0, 255}, {X: 1, Y: 1}: {0, 0, 0, 255}, {X: 2}: {255, 255, 255, 255}, {Y: 2}: {128, 128, 128, 255}, {X: 3, Y: 3}: {255, 0, 255, 255},
		{X: 4}: {}, {X: 6}: {0, 0, 0, 255}, {X: 8}: {255, 255, 255, 255},
	} {
		if c := got.NRGBAAt(at.X, at.Y); c != want {
			t.Errorf("%v has the colour %v, want %v", at, c, want)
		}
	}
	colour := Grid([]float32{1, 0, -1}, 1, 1, 1, 3, 1).(*image.NRGBA)
	if c := colour.NRGBAAt(0, 0); c != (color.NRGBA{255, 128, 0, 255}) {
		t.Errorf("red, green and blue are %v", c)
	}
	for name, picture := range map[string]image.Image{
		"two channels": Grid(make([]float32, 8), 1, 2, 2, 2, 1), "another length": Grid(make([]float32, 7), 2, 2, 2, 1, 1), "none": Grid(nil, 0, 2, 2, 1, 1),
		"too high": Grid(make([]float32, 9000*4), 9000, 2, 2, 1, 1), "no points": Points([]float32{nan, nan}, nil), "one step": Lines([]float32{1}, 1, 1, 1),
		"no numbers": Lines([]float32{nan, nan}, 1, 2, 1),
	} {
		if picture != nil {
			t.Errorf("%s: a picture of %v", name, picture.Bounds())
		}
	}
	if HTML(nil, "x") != "" || PNG(nil) != nil || !strings.HasPrefix(HTML(colour, `"<`), `<div><img alt="&#34;&lt;" src="data:image/png;base64,iVBOR`) {
		t.Errorf("%s", HTML(colour, `"<`))
	}
}

// TestShapes wants points and lines where their values say.
func TestShapes(t *testing.T) {
	cloud := Points([]float32{0, 0, 1, 1, float32(math.Inf(1)), 0}, []int32{0, 1, 2}).(*image.NRGBA)
	low, high := cloud.NRGBAAt(4, cloudSide-5), cloud.NRGBAAt(cloudSide-5, 4)
	if low != palette()[0] || high != palette()[1] {
		t.Errorf("the corners have the colours %v and %v", low, high)
	}
	lines := Lines([]float32{0, 1, 1, 0}, 2, 2, 1).(*image.NRGBA)
	for _, at := range []image.Point{{0, lineHigh - 1}, {lineWide - 1, 0}, {lineWide + 4*gap, 0}, {2*lineWide + 4*gap - 1, lineHigh - 1}} {
		if lines.NRGBAAt(at.X, at.Y).A == 0 {
			t.Errorf("no line passes %v", at)
		}
	}
}
