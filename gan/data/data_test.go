package data

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// requireLine wants an error of one line with every one of the words in it.
func requireLine(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there was no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
}

func TestFloats(t *testing.T) {
	images := Images{N: 256, Height: 1, Width: 2, Channels: 1}
	for i := range images.N {
		images.Pixels = append(images.Pixels, byte(i), byte(255-i))
	}
	all := images.Floats(0, images.N)
	if len(all) != len(images.Pixels) {
		t.Fatalf("%d values for %d pixels", len(all), len(images.Pixels))
	}
	for i, pixel := range images.Pixels {
		want := float64(pixel)/127.5 - 1
		if got := float64(all[i]); got < -1 || got > 1 || got-want > 1e-6 || want-got > 1e-6 {
			t.Errorf("intensity %d became %g, want %g", pixel, got, want)
		}
	}
	if all[0] != -1 || all[1] != 1 {
		t.Errorf("black and white are %g and %g, want exactly -1 and 1", all[0], all[1])
	}
	if part := images.Floats(3, 2); !slices.Equal(part, all[6:10]) {
		t.Errorf("images 3 and 4 are %v, want %v", part, all[6:10])
	}
}

func TestCheck(t *testing.T) {
	good := func() Images {
		return Images{Pixels: make([]byte, 24), Labels: make([]int32, 2), N: 2, Height: 2, Width: 3, Channels: 2}
	}
	for name, c := range map[string]struct {
		spoil func(*Images)
		want  string
	}{
		"good":           {func(*Images) {}, ""},
		"no labels":      {func(im *Images) { im.Labels = nil }, ""},
		"no images":      {func(im *Images) { *im = Images{} }, "data set of 0 images of 0×0×0 is empty"},
		"no channels":    {func(im *Images) { im.Channels = 0 }, "is empty"},
		"negative width": {func(im *Images) { im.Width = -3 }, "is empty"},
		"two negatives":  {func(im *Images) { im.N, im.Width = -2, -3 }, "is empty"},
		"few pixels":     {func(im *Images) { im.Pixels = im.Pixels[1:] }, "has 23 bytes of pixels; 2 images of 2×3×2 need 24"},
		"few labels":     {func(im *Images) { im.Labels = im.Labels[1:] }, "has 1 labels for 2 images"},
		"negative label": {func(im *Images) { im.Labels[1] = -1 }, "has the label -1: labels begin at 0"},
		"named":          {func(im *Images) { im.Names = []string{"a", "b"} }, ""},
		"few names":      {func(im *Images) { im.Names, im.Labels[0] = []string{"a"}, 1 }, "has the label 1 and names for 1 classes"},
		"values":         {func(im *Images) { im.Pixels, im.Values = nil, make([]float32, 24) }, ""},
		"both":           {func(im *Images) { im.Values = make([]float32, 24) }, "set just one of them"},
		"few values":     {func(im *Images) { im.Pixels, im.Values = nil, make([]float32, 23) }, "has 23 values; 2 samples of 2×3×2 need 24"},
		"NaN": {func(im *Images) {
			im.Pixels, im.Values = nil, make([]float32, 24)
			im.Values[13] = float32(math.NaN())
		}, "has the value NaN in sample 1"},
		"infinite": {func(im *Images) {
			im.Pixels, im.Values = nil, make([]float32, 24)
			im.Values[1] = float32(math.Inf(-1))
		}, "has the value -Inf in sample 0"},
		"wraps around":     {func(im *Images) { im.N, im.Labels = 1<<62+2, nil }, "is larger than any memory"},
		"a huge label":     {func(im *Images) { im.Labels[0] = math.MaxInt32 }, "has 2147483648 classes: labels are 0 to 65535"},
		"scales of pixels": {func(im *Images) { im.Scales = make([]Scale, 2) }, "scales for 2 of 2 channels of values"},
		"few scales": {func(im *Images) {
			im.Pixels, im.Values, im.Scales = nil, make([]float32, 24), make([]Scale, 1)
		}, "scales for 1 of 2 channels"},
		"text":             {func(im *Images) { im.Width, im.Channels, im.Alphabet = 6, 1, []rune(" ab") }, ""},
		"text of channels": {func(im *Images) { im.Alphabet = []rune(" ab") }, "needs one channel of indices into its alphabet of 3"},
		"outside the alphabet": {func(im *Images) {
			im.Width, im.Channels, im.Alphabet, im.Pixels[3] = 6, 1, []rune(" ab"), 3
		}, "needs one channel of indices"},
	} {
		images := good()
		c.spoil(&images)
		_, err := Of(name, &images).Load()
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		images Images
		want   int
	}{
		{Images{}, 0},
		{Images{Names: []string{"a"}}, 0},
		{Images{Labels: []int32{0, 4, 2}}, 5},
		{Images{Labels: []int32{0, 1}, Names: []string{"a", "b", "c"}}, 3},
	} {
		if got := c.images.Classes(); got != c.want {
			t.Errorf("%v %q: %d classes, want %d", c.images.Labels, c.images.Names, got, c.want)
		}
	}
}

// TestFloatsOfOthers wants values as they are and characters one-hot.
func TestFloatsOfOthers(t *testing.T) {
	values := Images{N: 3, Height: 1, Width: 1, Channels: 2, Values: []float32{1, 2, -3, 4, 5, 6}}
	if got, want := values.Floats(1, 2), []float32{-3, 4, 5, 6}; !slices.Equal(got, want) || values.Depth() != 2 {
		t.Errorf("values became %v, depth %d, want %v", got, values.Depth(), want)
	}
	text := Images{N: 2, Height: 2, Width: 1, Channels: 1, Pixels: []byte{0, 1, 2, 0}, Alphabet: []rune(" ab")}
	if got, want := text.Floats(1, 1), []float32{0, 0, 1, 1, 0, 0}; !slices.Equal(got, want) || text.Depth() != 3 {
		t.Errorf("text became %v, depth %d, want %v", got, text.Depth(), want)
	}
}

// TestLoadedOnce wants the same images from every Load, one read, and a failure forgotten.
func TestLoadedOnce(t *testing.T) {
	counted := &counting{}
	set := of("counted", counted)
	if _, err := set.Load(); err == nil {
		t.Fatal("the first load did not fail")
	}
	first, err := set.Load()
	if err != nil {
		t.Fatal(err)
	}
	if second, err := set.Load(); second != first || err != nil || counted.reads != 2 {
		t.Errorf("the third load gave other images, or error %v, after %d reads", err, counted.reads)
	}
}

// counting fails the first time.
type counting struct{ reads int }

func (c *counting) make(string) (*Images, error) {
	if c.reads++; c.reads == 1 {
		return nil, errors.New("not yet")
	}
	return &Images{N: 1}, nil
}
