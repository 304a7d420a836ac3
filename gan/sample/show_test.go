package sample_test

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// TestShowImages wants pictures, points and series drawn, and the rest in words.
func TestShowImages(t *testing.T) {
	of := func(n, h, w, c int) sample.Images {
		data := make([]float32, n*h*w*c)
		for i := range data {
			data[i] = float32(i%7)/3 - 1
		}
		return sample.Images{Values: data, N: n, Height: h, Width: w, Channels: c}
	}
	odd := of(2, 8, 8, 1)
	odd.Values[0] = float32(math.NaN())
	broken := of(2, 8, 8, 1)
	broken.N = 3
	for _, test := range []struct {
		images        sample.Images
		width, height int
		want          string
	}{
		{of(25, 28, 28, 1), 578, 172, "25 images of 28×28×1, -1 … 1"},
		{of(3, 64, 64, 3), 196, 64, "3 images of 64×64×3"},
		{of(1000, 28, 28, 1), 578, 2318, "the first 400 are drawn"},
		{of(500, 1, 1, 2), 260, 260, "500 images of 1×1×2"},
		{of(4, 32, 1, 1), 512, 56, "4 images of 32×1×1"},
		{of(4, 16, 1, 23), 0, 0, "4 images of 16×1×23"},
		{odd, 34, 16, "1 values that are no finite numbers"},
		{broken, 0, 0, "with 128 values, which is another number"},
		{sample.Images{}, 0, 0, "0 images"},
	} {
		shown := test.images.ShowValue()
		if text := shown["text/plain"].(string); !strings.Contains(text, test.want) {
			t.Errorf("%q does not say %q", text, test.want)
		}
		file, drawn := shown["image/png"].([]byte)
		if drawn != (test.width > 0) {
			t.Errorf("%s: drawn %v", test.want, drawn)
		}
		if !drawn {
			continue
		}
		img, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if size := img.Bounds().Size(); size.X != test.width || size.Y != test.height {
			t.Errorf("%s: the picture is %v, want %d×%d", test.want, size, test.width, test.height)
		}
		if test.images.Width > 1 && test.images.Channels == 1 && test.images.Values[0] == -1 && color.GrayModel.Convert(img.At(0, 0)) != (color.Gray{0}) {
			t.Errorf("%s: -1 is %v, want black", test.want, img.At(0, 0))
		}
	}
}

// TestShowTrainer shows a trainer before and after a step, and the generator it makes.
func TestShowTrainer(t *testing.T) {
	exp := recipe.MLP()
	exp.Data = data.Subset(exp.Data, 500, 1)
	trainer, err := gan.NewTrainer(gantest.Go(t), exp)
	if err != nil {
		t.Fatal(err)
	}
	check := func(shown map[string]any, pictures int, wants ...string) {
		t.Helper()
		text, page := shown["text/plain"].(string), shown["text/html"].(string)
		for _, want := range wants {
			if !strings.Contains(text, want) || !strings.Contains(page, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
		if n := strings.Count(page, "data:image/png;base64,iVBOR"); n != pictures {
			t.Errorf("%d pictures, want %d", n, pictures)
		}
		gantest.WellFormed(t, page)
	}
	check(trainer.ShowValue(), 0, "trainer of mlp on mnist subset 500 seed 1", "0, 0 epochs", "1 510 288 of the generator, 533 505 of the critic", "critic.rate")
	for _, err := range trainer.Train(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(trainer.ShowValue(), 1, "1, 0.143 epochs")
	check(gantest.Again(t, trainer).ShowValue(), 1, "1, 0.143 epochs", "1 510 288 of the generator")
	generator, err := trainer.Generator()
	if err != nil {
		t.Fatal(err)
	}
	check(generator.ShowValue(), 1, "generator of mlp", "100 components", "28×28×1", "1 510 288")
}
