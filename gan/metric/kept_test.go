package metric

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/gantest"
	"gantry.local/gan/sample"
)

// TestKept wants the same features of a classifier that a notebook has kept.
func TestKept(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		set, err := gantest.Fashion(t).Load()
		if err != nil {
			t.Fatal(err)
		}
		images := sample.Images{Values: set.Floats(0, 10), N: 10, Height: set.Height, Width: set.Width, Channels: set.Channels}
		extractor := openExtractor(t, backend, Fashion1)
		kept := gantest.Again(t, extractor)
		if got, want := featuresOfImages(t, kept, images), featuresOfImages(t, extractor, images); !slices.Equal(got.Values, want.Values) ||
			kept.Name() != Fashion1 {
			t.Errorf("the kept classifier is %s and gives other features", kept.Name())
		}
	})
}
