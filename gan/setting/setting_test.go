package setting_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gantry.local/gan/setting"
)

// half is a schedule that halves in each step.
type half struct{}

func (half) Factor(step int) float64 { return math.Pow(0.5, float64(step)) }
func (half) String() string          { return "half" }

// grows is a schedule that leaves every range.
type grows struct{ half }

func (grows) Factor(step int) float64 { return 1e30 }

func TestAllows(t *testing.T) {
	rate, share := setting.NonNegative("rate", 0.1), setting.Fraction("share", 0.5)
	for _, c := range []struct {
		of   setting.Setting
		bad  []float64
		good []float64
		want string // the error of the first bad one
	}{
		{rate, []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1), 1e39}, []float64{0, 1e-30, math.MaxFloat32},
			"setting rate cannot be -1: want a finite number of at least 0"},
		{share, []float64{1.5, -0.1, math.NaN()}, []float64{0, 0.5, 1},
			"setting share cannot be 1.5: want a number from 0 to 1"},
	} {
		for _, value := range c.good {
			if err := c.of.Allows(value); err != nil {
				t.Errorf("%g: %v", value, err)
			}
		}
		for _, value := range c.bad {
			if c.of.Allows(value) == nil {
				t.Errorf("%s may be %g", c.of.Name, value)
			}
		}
		if err := c.of.Allows(c.bad[0]); err == nil || err.Error() != c.want {
			t.Errorf("the error is %q, want %q", err, c.want)
		}
	}
}

// TestAt wants the present value, not that of the start, times the factor, within the range.
func TestAt(t *testing.T) {
	s := setting.Fraction("share", 0.5)
	if got := s.At(0.8, 3); got != 0.8 {
		t.Errorf("without a schedule 0.8 is %g", got)
	}
	s.Schedule = half{}
	if got := s.At(0.8, 3); got != 0.1 {
		t.Errorf("halved three times 0.8 is %g", got)
	}
	s.Schedule = grows{}
	if got := s.At(0.8, 3); got != 1 {
		t.Errorf("a fraction grows to %g", got)
	}
}

func ExampleNumbered() {
	parts := []setting.Setting{setting.NonNegative("rate", 1), setting.NonNegative("rate", 2), setting.NonNegative("rate.2", 3)}
	for _, s := range setting.Numbered(parts) {
		fmt.Println(s.Name, s.Value)
	}
	// Output:
	// rate 1
	// rate.2 2
	// rate.2.2 3
}

func TestNumberedLeavesItsInput(t *testing.T) {
	before := []setting.Setting{setting.NonNegative("a", 1), setting.NonNegative("a", 2)}
	given := slices.Clone(before)
	setting.Numbered(given)
	if !slices.Equal(given, before) {
		t.Errorf("it became %v", given)
	}
}
