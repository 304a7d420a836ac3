package show

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"gantry.local/gan/sample"
)

var update = flag.Bool("update", false, "write testdata/*.png instead of comparing with them")

// golden compares img with testdata/name.png.
func golden(t *testing.T, name string, img image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	if *update {
		if err := SavePNG(path, img); err != nil {
			t.Fatal(err)
		}
		return
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if difference := compare(img, want); difference != "" {
		t.Errorf("%s: %s (look, then go test -update)", path, difference)
	}
}

// compare describes where got differs from want by more than rounding does on another processor: over 8 of 255 in more
// than one pixel of 10000.
func compare(got, want image.Image) string {
	if got.Bounds() != want.Bounds() {
		return fmt.Sprintf("size %v, want %v", got.Bounds(), want.Bounds())
	}
	differ, where, first := 0, image.Rectangle{}, ""
	size := got.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			g := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA)
			w := color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 8 }
			if far(g.R, w.R) || far(g.G, w.G) || far(g.B, w.B) || far(g.A, w.A) {
				if differ++; differ == 1 {
					first = fmt.Sprintf("(%d,%d) is %v, not %v", x, y, g, w)
				}
				where = where.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if differ*10000 <= size.X*size.Y {
		return ""
	}
	return fmt.Sprintf("%d pixels differ within %v; %s", differ, where, first)
}

func TestCompareSeesDifferences(t *testing.T) {
	a, b := image.NewRGBA(image.Rect(0, 0, 20, 20)), image.NewRGBA(image.Rect(0, 0, 20, 20))
	if difference := compare(a, b); difference != "" {
		t.Errorf("equal pictures: %s", difference)
	}
	b.SetRGBA(3, 4, color.RGBA{200, 0, 0, 255})
	want := "1 pixels differ within (3,4)-(4,5); (3,4) is {0 0 0 0}, not {200 0 0 255}"
	if difference := compare(a, b); difference != want {
		t.Errorf("%q, want %q", difference, want)
	}
	if compare(a, image.NewRGBA(image.Rect(0, 0, 20, 21))) == "" {
		t.Error("another size passes")
	}
}

// rings are n pictures of rings that grow.
func rings(n, h, w, c int) sample.Images {
	m := sample.Images{Values: make([]float32, n*h*w*c), N: n, Height: h, Width: w, Channels: c}
	for i := range m.Values {
		channel, x, y, k := i%c, i/c%w, i/c/w%h, i/c/w/h
		radius := float64(h) * (0.15 + 0.025*float64(k%10))
		d := math.Hypot(float64(x)-float64(w)/2, float64(y)-float64(h)/2) - radius
		m.Values[i] = float32(2*math.Exp(-d*d/4)-1) - 0.3*float32(channel)
	}
	return m
}

// noise is a repeatable source of losses.
func noise() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func losses(critic, generator float64) []Number {
	return []Number{{"critic loss", critic}, {"generator loss", generator}}
}
