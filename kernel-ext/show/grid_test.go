package show

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

func TestGridImage(t *testing.T) {
	for name, images := range map[string]sample.Images{
		"grid-mnist": rings(100, 28, 28, 1),
		"grid-rgb":   rings(13, 32, 24, 3), // a row that is not full
	} {
		img, err := GridImage(images, GridOptions{})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, img)
	}
}

func TestGridLayout(t *testing.T) {
	for _, test := range []struct {
		n       int
		options GridOptions
		want    image.Point
	}{
		{100, GridOptions{}, image.Pt(2+10*(2*5+2), 2+10*(2*3+2))},
		{4, GridOptions{}, image.Pt(2+4*(2*5+2), 2+2*3+2)},
		{4, GridOptions{Columns: 3, Scale: 1}, image.Pt(2+3*(5+2), 2+2*(3+2))},
	} {
		img, err := GridImage(rings(test.n, 3, 5, 1), test.options)
		if err != nil || img.Bounds().Size() != test.want {
			t.Errorf("%d images, %+v: %v, %v, want %v", test.n, test.options, img.Bounds(), err, test.want)
		}
	}
}

func TestGridColours(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	grey := sample.Images{Values: []float32{-1, 0, 1, -7, 7, nan, inf, -inf}, N: 1, Height: 1, Width: 8, Channels: 1}
	img, err := GridImage(grey, GridOptions{Scale: 3})
	if err != nil {
		t.Fatal(err)
	}
	magenta := color.RGBA{255, 0, 255, 255}
	for x, want := range []color.RGBA{
		{0, 0, 0, 255}, {128, 128, 128, 255}, {255, 255, 255, 255}, {0, 0, 0, 255}, {255, 255, 255, 255},
		magenta, {255, 255, 255, 255}, {0, 0, 0, 255},
	} {
		for _, at := range []image.Point{{2 + 3*x, 2}, {4 + 3*x, 4}} { // both corners of the value
			if got := img.At(at.X, at.Y); got != want {
				t.Errorf("value %d (%g) at %v is %v, want %v", x, grey.Values[x], at, got, want)
			}
		}
	}
	rgb := sample.Images{Values: []float32{1, -1, 0, 1, nan, 1}, N: 2, Height: 1, Width: 1, Channels: 3}
	if img, err = GridImage(rgb, GridOptions{Scale: 1}); err != nil {
		t.Fatal(err)
	}
	if got, want := img.At(2, 2), (color.RGBA{255, 0, 128, 255}); got != want {
		t.Errorf("RGB is %v, want %v", got, want)
	}
	if got := img.At(5, 2); got != magenta {
		t.Errorf("NaN in one channel is %v, want %v", got, magenta)
	}
	if got := img.At(0, 0); got != gapColour() {
		t.Errorf("the gap is %v", got)
	}
}

func TestGridRejects(t *testing.T) {
	data := make([]float32, 24)
	for _, test := range []struct {
		images  sample.Images
		options GridOptions
		want    string
	}{
		{sample.Images{}, GridOptions{}, "0 images of 0×0"},
		{sample.Images{Values: data, N: -1, Height: 4, Width: 6, Channels: 1}, GridOptions{}, "-1 images"},
		{sample.Images{Values: data, N: 1, Height: 4, Width: 6, Channels: 2}, GridOptions{}, "2 channels"},
		{sample.Images{Values: data, N: 1, Height: 4, Width: 5, Channels: 1}, GridOptions{}, "24 values are not 1 images of 4×5×1"},
		{sample.Images{Values: data, N: 2, Height: 4, Width: 6, Channels: 1}, GridOptions{}, "24 values"},
		{sample.Images{Values: nil, N: 1 << 32, Height: 1 << 32, Width: 1, Channels: 1}, GridOptions{}, "0 values"}, // the product is 0 in 64 bits
		{sample.Images{Values: data, N: 1, Height: 4, Width: 6, Channels: 1}, GridOptions{Columns: -1}, "-1 columns"},
		{sample.Images{Values: data, N: 1, Height: 4, Width: 6, Channels: 1}, GridOptions{Scale: -2}, "scale -2"},
		{sample.Images{Values: data, N: 1, Height: 4, Width: 6, Channels: 1}, GridOptions{Scale: math.MaxInt}, "too large"},
	} {
		_, err := GridImage(test.images, test.options)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("N, H, W, C %d %d %d %d, %+v: %v, want %q", test.images.N, test.images.Height, test.images.Width,
				test.images.Channels, test.options, err, test.want)
		}
		if shown := Grid(test.images, test.options); shown == nil || shown.Error() != err.Error() {
			t.Errorf("Grid: %v, GridImage: %v", shown, err)
		}
	}
	if err := Image(nil); err == nil {
		t.Error("Image(nil) is no error")
	}
	if err := Image(image.NewGray(image.Rect(0, 0, 0, 5))); err == nil {
		t.Error("an empty image is no error")
	}
}
