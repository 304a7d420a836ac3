package metric

import (
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/gantest"
)

// TestKept wants the same features of a classifier that a notebook has kept.
func TestKept(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		set, err := gantest.Fashion(t).Load()
		if err != nil {
			t.Fatal(err)
		}
		images := set.Part(0, 10)
		classifier := openClassifier(t, backend, Fashion1)
		kept := gantest.Again(t, classifier)
		if got, want := featuresOfImages(t, kept, images), featuresOfImages(t, classifier, images); !slices.Equal(got.Values, want.Values) ||
			kept.Name() != Fashion1 {
			t.Errorf("the kept classifier is %s and gives other features", kept.Name())
		}
	})
}
