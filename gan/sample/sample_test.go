package sample_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/sample"
)

func TestFloats(t *testing.T) {
	images := sample.Images{N: 256, Height: 1, Width: 2, Channels: 1}
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
	good := func() sample.Images {
		return sample.Images{Pixels: make([]byte, 24), Labels: make([]int32, 2), N: 2, Height: 2, Width: 3, Channels: 2}
	}
	for name, c := range map[string]struct {
		spoil func(*sample.Images)
		want  string
	}{
		"good":           {func(*sample.Images) {}, ""},
		"no labels":      {func(im *sample.Images) { im.Labels = nil }, ""},
		"no images":      {func(im *sample.Images) { *im = sample.Images{} }, "a set of 0 images of 0×0×0 is empty"},
		"no channels":    {func(im *sample.Images) { im.Channels = 0 }, "is empty"},
		"negative width": {func(im *sample.Images) { im.Width = -3 }, "is empty"},
		"two negatives":  {func(im *sample.Images) { im.N, im.Width = -2, -3 }, "is empty"},
		"few pixels":     {func(im *sample.Images) { im.Pixels = im.Pixels[1:] }, "has 23 bytes of pixels; 2 images of 2×3×2 need 24"},
		"few labels":     {func(im *sample.Images) { im.Labels = im.Labels[1:] }, "has 1 labels for 2 images"},
		"negative label": {func(im *sample.Images) { im.Labels[1] = -1 }, "has the label -1: labels begin at 0"},
		"named":          {func(im *sample.Images) { im.Names = []string{"a", "b"} }, ""},
		"few names":      {func(im *sample.Images) { im.Names, im.Labels[0] = []string{"a"}, 1 }, "has the label 1 and names for 1 classes"},
		"values":         {func(im *sample.Images) { im.Pixels, im.Values = nil, make([]float32, 24) }, ""},
		"both":           {func(im *sample.Images) { im.Values = make([]float32, 24) }, "set just one of them"},
		"few values":     {func(im *sample.Images) { im.Pixels, im.Values = nil, make([]float32, 23) }, "has 23 values; 2 samples of 2×3×2 need 24"},
		"NaN": {func(im *sample.Images) {
			im.Pixels, im.Values = nil, make([]float32, 24)
			im.Values[13] = float32(math.NaN())
		}, "has the value NaN in sample 1"},
		"infinite": {func(im *sample.Images) {
			im.Pixels, im.Values = nil, make([]float32, 24)
			im.Values[1] = float32(math.Inf(-1))
		}, "has the value -Inf in sample 0"},
		"wraps around":     {func(im *sample.Images) { im.N, im.Labels = 1<<62+2, nil }, "is larger than any memory"},
		"a huge label":     {func(im *sample.Images) { im.Labels[0] = math.MaxInt32 }, "has 2147483648 classes: labels are 0 to 65535"},
		"scales of pixels": {func(im *sample.Images) { im.Scales = make([]sample.Scale, 2) }, "scales for 2 of 2 channels of values"},
		"few scales": {func(im *sample.Images) {
			im.Pixels, im.Values, im.Scales = nil, make([]float32, 24), make([]sample.Scale, 1)
		}, "scales for 1 of 2 channels"},
		"text":             {func(im *sample.Images) { im.Width, im.Channels, im.Alphabet = 6, 1, []rune(" ab") }, ""},
		"text of channels": {func(im *sample.Images) { im.Alphabet = []rune(" ab") }, "needs one channel of indices into its alphabet of 3"},
		"outside the alphabet": {func(im *sample.Images) {
			im.Width, im.Channels, im.Alphabet, im.Pixels[3] = 6, 1, []rune(" ab"), 3
		}, "needs one channel of indices"},
	} {
		images := good()
		c.spoil(&images)
		err := images.Check()
		if got := fmt.Sprint(err); (c.want == "") != (err == nil) || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		images sample.Images
		want   int
	}{
		{sample.Images{}, 0},
		{sample.Images{Names: []string{"a"}}, 0},
		{sample.Images{Labels: []int32{0, 4, 2}}, 5},
		{sample.Images{Labels: []int32{0, 1}, Names: []string{"a", "b", "c"}}, 3},
	} {
		if got := c.images.Classes(); got != c.want {
			t.Errorf("%v %q: %d classes, want %d", c.images.Labels, c.images.Names, got, c.want)
		}
	}
}

// TestFloatsOfOthers wants values as they are and characters one-hot.
func TestFloatsOfOthers(t *testing.T) {
	values := sample.Images{N: 3, Height: 1, Width: 1, Channels: 2, Values: []float32{1, 2, -3, 4, 5, 6}}
	if got, want := values.Floats(1, 2), []float32{-3, 4, 5, 6}; !slices.Equal(got, want) || values.Depth() != 2 {
		t.Errorf("values became %v, depth %d, want %v", got, values.Depth(), want)
	}
	text := sample.Images{N: 2, Height: 2, Width: 1, Channels: 1, Pixels: []byte{0, 1, 2, 0}, Alphabet: []rune(" ab")}
	if got, want := text.Floats(1, 1), []float32{0, 0, 1, 1, 0, 0}; !slices.Equal(got, want) || text.Depth() != 3 {
		t.Errorf("text became %v, depth %d, want %v", got, text.Depth(), want)
	}
}

// TestSeen wants samples as the networks see them, with their labels, values shared and pixels converted, and nothing of pixels
// that do not fit.
func TestSeen(t *testing.T) {
	values := sample.Images{N: 2, Height: 1, Width: 1, Channels: 2, Values: []float32{1, 2, 3, 4}, Labels: []int32{1, 0}}
	if seen := values.Seen(); !reflect.DeepEqual(seen, values) || &seen.Values[0] != &values.Values[0] {
		t.Errorf("values are seen as %v", seen)
	}
	for _, of := range []sample.Images{
		{N: 2, Height: 1, Width: 2, Channels: 1, Pixels: []byte{0, 255, 255, 0}, Labels: []int32{3, 1}, Names: []string{"a", "b", "c", "d"}},
		{N: 2, Height: 2, Width: 1, Channels: 1, Pixels: []byte{0, 1, 2, 0}, Alphabet: []rune(" ab"), Labels: []int32{0, 1}},
	} {
		seen := of.Seen()
		if err := seen.Check(); err != nil {
			t.Error(err)
		}
		if !slices.Equal(seen.Values, of.Floats(0, 2)) || seen.Channels != of.Depth() || !slices.Equal(seen.Labels, of.Labels) || !slices.Equal(seen.Names, of.Names) {
			t.Errorf("%v is seen as %v", of, seen)
		}
	}
	if seen := (sample.Images{N: 3, Height: 1, Width: 1, Channels: 1, Pixels: []byte{1}}).Seen(); seen.Check() == nil {
		t.Errorf("three samples of one pixel are seen as %v", seen)
	}
}

// TestPartAndRows wants samples with their labels, of values and of pixels; a part shares memory and cannot grow into the rest.
func TestPartAndRows(t *testing.T) {
	pixels := sample.Images{N: 4, Height: 1, Width: 2, Channels: 1, Pixels: []byte{0, 1, 2, 3, 4, 5, 6, 7}, Labels: []int32{0, 1, 2, 3}}
	values := sample.Images{N: 4, Height: 1, Width: 1, Channels: 2, Values: []float32{0, 1, 2, 3, 4, 5, 6, 7}}
	part := pixels.Part(1, 2)
	if !slices.Equal(part.Pixels, []byte{2, 3, 4, 5}) || !slices.Equal(part.Labels, []int32{1, 2}) || part.N != 2 || &part.Pixels[0] != &pixels.Pixels[2] {
		t.Errorf("samples 1 and 2 are %v", part)
	}
	if _ = append(values.Part(0, 1).Values, 9); values.Values[2] != 2 {
		t.Error("what is put behind a part is in the whole")
	}
	if rows := values.Rows([]int{3, 0}); !slices.Equal(rows.Values, []float32{6, 7, 0, 1}) || rows.N != 2 || rows.Pixels != nil {
		t.Errorf("samples 3 and 0 are %v", rows)
	}
	if rows := pixels.Rows([]int{2, 2}); !slices.Equal(rows.Pixels, []byte{4, 5, 4, 5}) || !slices.Equal(rows.Labels, []int32{2, 2}) {
		t.Errorf("sample 2 twice is %v", rows)
	}
}
