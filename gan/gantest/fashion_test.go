package gantest

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
)

var update = flag.Bool("update", false, "write testdata/fashion-mnist.png from the installed Fashion-MNIST")

// TestFashion wants ten classes of clothes that differ, and, where the whole set is installed, its very images.
func TestFashion(t *testing.T) {
	whole, err := data.FashionMNISTTest().Load()
	if *update {
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&file, sheetOf(whole)); err != nil {
			t.Fatal(err)
		}
		clothes = file.Bytes()
		if err := os.WriteFile(filepath.Join("testdata", "fashion-mnist.png"), clothes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sample := must(t, Fashion(t))
	if sample.N != 1000 || sample.Classes() != 10 || slices.Min(sample.Pixels) != 0 || slices.Max(sample.Pixels) != 255 {
		t.Errorf("%d images of %d classes, intensities from %d to %d", sample.N, sample.Classes(), slices.Min(sample.Pixels),
			slices.Max(sample.Pixels))
	}
	seen := map[string]bool{}
	for tile := range slices.Chunk(sample.Pixels, 28*28) {
		seen[string(tile)] = true
	}
	if len(seen) != sample.N {
		t.Errorf("%d of %d images differ", len(seen), sample.N)
	}
	if err != nil {
		t.Logf("not compared with the whole set, which is not here: %v", err)
	} else if !bytes.Equal(sheetOf(whole).Pix, sheetOf(sample).Pix) {
		t.Error("these are other images than the installed set's")
	}
}

func must(t *testing.T, set data.Set) *sample.Images {
	t.Helper()
	images, err := set.Load()
	if err != nil {
		t.Fatal(err)
	}
	return images
}

// sheetOf draws the first 100 images of each class, a class a row.
func sheetOf(images *sample.Images) *image.Gray {
	sheet := image.NewGray(image.Rect(0, 0, 100*28, 10*28))
	var count [10]int
	for i, class := range images.Labels {
		if count[class] < 100 {
			for y := range 28 {
				copy(sheet.Pix[sheet.PixOffset(28*count[class], 28*int(class)+y):], images.Pixels[(i*28+y)*28:][:28])
			}
			count[class]++
		}
	}
	return sheet
}
