package study

import (
	"testing"

	"gantry.local/gan/gantest"
)

// TestKept wants every study again after a notebook has kept it, and a variable without one to stay so.
func TestKept(t *testing.T) {
	for _, s := range append(All(), Study{}) {
		if got := gantest.Again(t, s); got.Name != s.Name || got.About != s.About || (got.run == nil) != (s.run == nil) {
			t.Errorf("%q became %q", s.Name, got.Name)
		}
	}
}
