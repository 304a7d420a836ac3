package net

import (
	"math"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
)

// TestDiffusion wants half of the images as they are at any strength, steps of 1 to T for the others, those near T most often, and noise
// that grows with them.
func TestDiffusion(t *testing.T) {
	const n = 4000
	diffusion := Diffusion{MostSteps: 100, Sigma: 0.5}
	for _, c := range []struct {
		strength float32
		most     int
	}{{0, 5}, {1, 100}} {
		exec, err := model.NewExec(gantest.Go(t), model.NewStore(), func(scope *model.Scope, strength *Node) []*Node {
			g := strength.Graph()
			draw := sampleDraws{images: Ones(g, shapeOfPixels(n)), random: stored{scope.Store(), g}}
			return []*Node{ConvertDType(diffusion.withDefaults().steps(draw, strength), strength.DType()),
				diffusion.Apply(Ones(g, shapeOfPixels(n)), strength, stored{scope.Store(), g})}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer exec.Finalize()
		all, err := exec.Call(c.strength)
		if err != nil {
			t.Fatal(err)
		}
		steps, pixels := tensors.MustCopyFlatData[float32](all[0]), tensors.MustCopyFlatData[float32](all[1])
		still, sum, moved, unchanged := 0, 0.0, 0, 0
		for i, step := range steps {
			if step < 0 || step > float32(c.most) || step != float32(int(step)) {
				t.Fatalf("strength %g: %g steps, want 0 to %d", c.strength, step, c.most)
			}
			if step == 0 {
				still++
			} else {
				sum, moved = sum+float64(step), moved+1
			}
			if pixels[i] == 1 {
				unchanged++
			}
		}
		mean := (2*float64(c.most) + 1) / 3 // of a t with a probability proportional to t
		if math.Abs(float64(still)/n-0.5) > 0.03 || math.Abs(float64(unchanged)/n-0.5) > 0.03 || math.Abs(sum/float64(moved)-mean) > 0.03*mean {
			t.Errorf("strength %g: %d of %d draw no step, %d stay as they are, and the mean of the other draws is %g, want half and %g",
				c.strength, still, n, unchanged, sum/float64(moved), mean)
		}
	}
}

// TestDiffusionLeft compares ᾱ with its product.
func TestDiffusionLeft(t *testing.T) {
	exec := MustNewExec(gantest.Go(t), func(steps *Node) *Node {
		return Diffusion{MostSteps: 3}.withDefaults().left(steps.Graph(), steps)
	})
	defer exec.Finalize()
	got := tensors.MustCopyFlatData[float32](exec.MustCall([]int32{0, 1, 2, 3})[0])
	first, second, third := 1-1e-4, 1-(1e-4+0.02)/2, 1-0.02
	for i, want := range []float64{1, first, first * second, first * second * third} {
		if math.Abs(float64(got[i])-want) > 1e-6 {
			t.Errorf("ᾱ of step %d is %g, want %g", i, got[i], want)
		}
	}
}

// shapeOfPixels is that of n images of a pixel.
func shapeOfPixels(n int) shapes.Shape { return shapes.Make(dtypes.Float32, n, 1, 1, 1) }
