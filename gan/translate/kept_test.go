package translate_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/translate"
)

// TestKept wants 10 steps, a trainer that is kept and restored, and 10 more to be 20 steps, bit for bit, on both backends.
func TestKept(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		whole, parts := trainer(t, backend, quartersOf(translate.Noise{Sigma: 0.5})), trainer(t, backend, quartersOf(translate.Noise{Sigma: 0.5}))
		progress := tiny.Steps(t, parts, 10)
		parts = gantest.Again(t, parts)
		if parts.Step() != 10 {
			t.Fatalf("restored at step %d", parts.Step())
		}
		progress = append(progress, tiny.Steps(t, parts, 10)...)
		if want := tiny.Steps(t, whole, 20); !reflect.DeepEqual(progress, want) {
			t.Errorf("10 and 10 steps reported\n%v\nwant those of 20\n%v", progress, want)
		}
		got, err1 := parts.Apply(translate.NetworkName, good())
		want, err2 := whole.Apply(translate.NetworkName, good())
		if err1 != nil || err2 != nil || !slices.Equal(got.Values, want.Values) {
			t.Errorf("the networks after 10 and 10 steps and after 20 differ, or %v, %v", err1, err2)
		}
	})
}
