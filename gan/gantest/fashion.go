package gantest

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
)

// clothes is a picture of 10 rows, the classes of Fashion-MNIST's test set, with the first 100 images of each. It is
// written by `go test ./gan/gantest -update`, and under the licence beside it.
//
//go:embed testdata/fashion-mnist.png
var clothes []byte

// Fashion is a thousand images of Fashion-MNIST's test set, for tests that need real ones where the set is not installed:
// 28×28×1, sorted by their classes, 100 of each.
func Fashion(t testing.TB) data.Set {
	t.Helper()
	sheet, err := png.Decode(bytes.NewReader(clothes))
	if err != nil {
		t.Fatal(err)
	}
	const side, classes, each = 28, 10, 100
	images := &sample.Images{N: classes * each, Height: side, Width: side, Channels: 1}
	for class := range classes {
		images.Names = append(images.Names, fmt.Sprint(class))
		for column := range each {
			tile := image.NewGray(image.Rect(0, 0, side, side))
			draw.Draw(tile, tile.Rect, sheet, image.Pt(column*side, class*side), draw.Src)
			images.Pixels = append(images.Pixels, tile.Pix...)
			images.Labels = append(images.Labels, int32(class))
		}
	}
	return data.Of("fashion-mnist-test sample", images)
}
