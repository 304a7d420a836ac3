package show

import (
	"image"
	"strings"
	"testing"
)

func TestBeside(t *testing.T) {
	grid, err := GridImage(rings(20, 28, 28, 1), GridOptions{Columns: 5})
	if err != nil {
		t.Fatal(err)
	}
	small, err := GridImage(rings(1, 28, 28, 3), GridOptions{})
	if err != nil {
		t.Fatal(err)
	}
	img, err := Beside([]string{"ours, 5000 steps", "a caption wider than its picture"}, grid, small)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "beside", img)
	if img, err = Beside(nil, grid, small); err != nil {
		t.Fatal(err)
	}
	golden(t, "beside-plain", img)
}

func TestBesideRejects(t *testing.T) {
	dot := image.NewGray(image.Rect(0, 0, 1, 1))
	vast := &image.Uniform{} // bounds of ±1e9
	for _, test := range []struct {
		captions []string
		images   []image.Image
		want     string
	}{
		{nil, nil, "nothing"},
		{[]string{"a"}, []image.Image{dot, dot}, "1 captions for 2 images"},
		{nil, []image.Image{dot, nil}, "image 1 has no pixels"},
		{nil, []image.Image{image.NewGray(image.Rect(0, 0, 3, 0))}, "image 0 has no pixels"},
		{nil, []image.Image{dot, vast}, "too large"},
	} {
		_, err := Beside(test.captions, test.images...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}
