package show_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/show"
)

// checks are two pictures of 2×2.
func checks() sample.Images {
	return sample.Images{Values: []float32{-1, 1, 1, -1, 1, -1, -1, 1}, N: 2, Height: 2, Width: 2, Channels: 1}
}

func ExampleGrid() {
	fmt.Println(show.Grid(checks(), show.GridOptions{}))
	wrong := checks()
	wrong.Channels = 3
	fmt.Println(show.Grid(wrong, show.GridOptions{}))
	// Output:
	// <nil>
	// show: 8 values are not 2 images of 2×2×3
}

func ExampleGridImage() {
	img, err := show.GridImage(checks(), show.GridOptions{Scale: 10})
	fmt.Println(img.Bounds().Size(), err)
	fmt.Println(img.At(2, 2), img.At(12, 2)) // the first two values, beyond a gap of 2
	// Output:
	// (46,24) <nil>
	// {0 0 0 255} {255 255 255 255}
}

func ExampleImage() {
	img, err := show.GridImage(checks(), show.GridOptions{})
	fmt.Println(err)
	fmt.Println(show.Image(img))
	fmt.Println(show.Image(nil))
	// Output:
	// <nil>
	// <nil>
	// show: the image has no pixels
}

func ExampleCurves() {
	fmt.Println(show.Curves(show.Plot{
		Title: "Losses", XLabel: "step", LogY: true,
		Series: []show.Series{{Name: "critic", Y: []float64{0.7, 0.5}}, {Name: "generator", Y: []float64{0.7, 1.2}}},
	}))
	fmt.Println(show.Curves(show.Plot{Series: []show.Series{{Name: "critic", X: []float64{1}, Y: []float64{0.7, 0.5}}}}))
	// Output:
	// <nil>
	// show: series 0 ("critic") has 1 x for 2 y
}

func ExampleCurvesImage() {
	img, err := show.CurvesImage(show.Plot{Series: []show.Series{{Name: "critic", Y: []float64{0.7, 0.5}}}, Width: 320})
	fmt.Println(img.Bounds().Size(), err) // twice the pixels of the screen
	// Output: (640,800) <nil>
}

func ExampleHeat() {
	heat := &show.Heat{XMin: -1, XMax: 1, YMin: 0, YMax: 4, Cols: 2, Rows: 2}
	for i := range heat.Cols * heat.Rows {
		x, y := heat.Point(i)
		fmt.Println(x, y)
		heat.Z = append(heat.Z, x*y)
	}
	fmt.Println(show.Curves(show.Plot{Heat: heat}))
	// Output:
	// -0.5 1
	// 0.5 1
	// -0.5 3
	// 0.5 3
	// <nil>
}

func ExamplePoints() {
	ring, samples := []float32{1, 0, 0, 1, -1, 0, 0, -1}, []float32{0.9, 0.1, 5, 5}
	fmt.Println(show.Points(show.Cloud{Data: ring, Samples: samples})) // the second sample is counted as outside
	fmt.Println(show.Points(show.Cloud{Samples: samples[:3]}))
	// Output:
	// <nil>
	// show: 0 and 3 coordinates are no points in the plane: want x and y of each
}

func ExampleLines() {
	series := show.Sequences{Data: []float32{0, 1, 0, -1, 1, 0, -1, 0}, N: 2, T: 4, C: 1}
	fmt.Println(show.Lines(series))
	series.T = 3
	fmt.Println(show.Lines(series))
	// Output:
	// <nil>
	// show: 8 values are not 2 series of 3 steps and 1 channels
}

func ExampleTexts() {
	fmt.Println(show.Texts([]string{"the cat sat", "we saw a red fox"}, show.TextOptions{}))
	fmt.Println(show.Texts(nil, show.TextOptions{}))
	// Output:
	// <nil>
	// show: no table of 0 strings with 0 characters
}

func ExampleBeside() {
	ours, err := show.GridImage(checks(), show.GridOptions{Scale: 10})
	fmt.Println(err)
	both, err := show.Beside(nil, ours, ours)
	fmt.Println(both.Bounds().Size(), err) // a margin of 16 all round
	_, err = show.Beside([]string{"ours"}, ours, ours)
	fmt.Println(err)
	// Output:
	// <nil>
	// (140,56) <nil>
	// show: 1 captions for 2 images
}

func ExampleSavePNG() {
	dir, err := os.MkdirTemp("", "show")
	fmt.Println(err)
	defer os.RemoveAll(dir)
	img, err := show.GridImage(checks(), show.GridOptions{})
	fmt.Println(err)
	path := filepath.Join(dir, "grid.png")
	fmt.Println(show.SavePNG(path, img))
	content, err := os.ReadFile(path)
	fmt.Printf("%q %v\n", content[:8], err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// "\x89PNG\r\n\x1a\n" <nil>
}

func ExampleNewLive() {
	now := time.Unix(0, 0)
	live := show.NewLive(show.LiveOptions{
		Title: "first", Total: 1000, Out: os.Stdout, Now: func() time.Time { return now },
	})
	for step := 1; step <= 500; step++ {
		now = now.Add(40 * time.Millisecond)
		frame := show.Frame{Step: step, Numbers: []show.Number{{Name: "critic loss", Value: 0.5}, {Name: "generator loss", Value: 1.25}}}
		if live.Due() { // never here: in a notebook, or with LiveOptions.Dir
			samples := checks()
			frame.Samples = &samples
		}
		if err := live.Update(frame); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(live.Done())
	// Output:
	// first: step 1 of 1000 · critic 0.5 · generator 1.25
	// first: step 251 of 1000 · critic 0.5 · generator 1.25 · 25.0 steps/s · 30 s left
	// first: step 500 of 1000 · critic 0.5 · generator 1.25 · 25.0 steps/s · ended after 20 s
	// <nil>
}
