package method

import (
	"math"
	"slices"
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
)

// computed are the numbers of the outputs of a graph on the pure Go backend.
func computed[F ExecGraphFn](t *testing.T, graph F, inputs ...any) (all [][]float32) {
	t.Helper()
	exec, err := NewExec(gantest.Go(t), graph)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exec.Finalize)
	outputs, err := exec.Call(inputs...)
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range outputs {
		all = append(all, tensors.MustCopyFlatData[float32](output))
	}
	return all
}

// TestBest wants the loss of the highest logits alone: its value is theirs, their gradients are those of a smaller batch, and that of
// every other logit is exactly 0.
func TestBest(t *testing.T) {
	logits := [][]float32{{0.3}, {-2}, {1.5}, {0.3}, {-40}, {0.1}}
	for _, of := range []loss.Loss{loss.NonSaturating, loss.Hinge, loss.Wasserstein, loss.LeastSquares} {
		for _, c := range []struct {
			share float32
			kept  []int
		}{{1, []int{0, 1, 2, 3, 4, 5}}, {0.5, []int{0, 2, 3}}, {0.34, []int{0, 2}}, {0.17, []int{2}}, {0, []int{2}}} { // of two 0.3 the first one
			all := computed(t, func(logits, share *Node) []*Node {
				objective := best(of, logits, share)
				return []*Node{objective, Gradient(objective, logits)[0]}
			}, logits, c.share)
			var only [][]float32
			for _, i := range c.kept {
				only = append(only, logits[i])
			}
			want := computed(t, func(logits *Node) []*Node {
				objective := of.Generator(nil, logits)
				return []*Node{objective, Gradient(objective, logits)[0]}
			}, only)
			if math.Abs(float64(all[0][0]-want[0][0])) > 1e-4 {
				t.Errorf("%v, share %g: %g, and of the best alone %g", of, c.share, all[0][0], want[0][0])
			}
			for i, gradient := range all[1] {
				expected := float32(0)
				if at := slices.Index(c.kept, i); at >= 0 {
					expected = want[1][at]
				}
				if expected == 0 && gradient != 0 || math.Abs(float64(gradient-expected)) > 1e-6 {
					t.Errorf("%v, share %g: the gradient of logit %d is %g, want %g", of, c.share, i, gradient, expected)
				}
			}
		}
	}
}

// TestTurned wants each angle to be the one by which its image was turned, which the place of a lit corner tells.
func TestTurned(t *testing.T) {
	const n, size = 8, 3
	images := make([]float32, n*size*size)
	for i := range n {
		images[i*size*size] = float32(i + 1) // the upper left corner
	}
	all := computed(t, func(images *Node) []*Node {
		turned, angles := Turned(images)
		return []*Node{turned, ConvertDType(angles, turned.DType())}
	}, tensors.FromFlatDataAndDimensions(images, n, size, size, 1))
	corners := []int{0, 6, 8, 2} // as it goes round counterclockwise
	seen := map[int]int{}
	for i := range n {
		angle := int(all[1][i])
		seen[angle]++
		for place, v := range all[0][i*size*size : (i+1)*size*size] {
			want := float32(0)
			if place == corners[angle] {
				want = float32(i + 1)
			}
			if v != want {
				t.Errorf("image %d, said to be turned by %d quarters, has %g at place %d, want %g", i, angle, v, place, want)
			}
		}
	}
	for quarter := range quarters {
		if seen[quarter] != n/quarters {
			t.Errorf("%d of %d images are turned by %d quarters", seen[quarter], n, quarter)
		}
	}
}

// TestMatchedMeans compares with a sum by hand.
func TestMatchedMeans(t *testing.T) {
	got := computed(t, func(a, b *Node) *Node { return MatchedMeans(a, b) }, [][]float32{{1, 2}, {3, -2}}, [][]float32{{0, 1}, {1, 1}, {2, 1}})
	if want := float32((2-1)*(2-1)+(0-1)*(0-1)) / 2; got[0][0] != want {
		t.Errorf("the means [2 0] and [1 1] differ by %g, want %g", got[0][0], want)
	}
}

// TestShares wants the schedule of a pair that grows to hold, fade and hold, and each place on it to be shared by two resolutions at most.
func TestShares(t *testing.T) {
	schedule := growing{stages: 3, hold: 10, fade: 20}
	for step, want := range map[int][]float32{0: {1, 0, 0}, 9: {1, 0, 0}, 10: {1, 0, 0}, 15: {0.75, 0.25, 0}, 30: {0, 1, 0}, 39: {0, 1, 0}, 50: {0, 0.5, 0.5},
		60: {0, 0, 1}, 75: {0, 0, 1}, 1000: {0, 0, 1}} {
		got := computed(t, func(growth *Node) *Node { return Shares(growth, 3) }, float32(schedule.Factor(step)))[0]
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-6 {
				t.Errorf("after %d steps the shares are %v, want %v", step, got, want)
				break
			}
		}
	}
}

// TestResolved wants real images at the resolutions that count.
func TestResolved(t *testing.T) {
	image := [][][][]float32{{{{1}, {3}}, {{5}, {7}}}}
	for _, c := range []struct{ shares, want []float32 }{{[]float32{1, 0}, []float32{4, 4, 4, 4}}, {[]float32{0, 1}, []float32{1, 3, 5, 7}},
		{[]float32{0.5, 0.5}, []float32{2.5, 3.5, 4.5, 5.5}}} {
		if got := computed(t, func(image, shares *Node) *Node { return Resolved(image, shares) }, image, c.shares)[0]; !slices.Equal(got, c.want) {
			t.Errorf("shares %v: %v, want %v", c.shares, got, c.want)
		}
	}
}
