package net

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
)

// everything is a DiffAugment with each transformation.
func everything() DiffAugment {
	a := PaperAugment()
	a.Flip = true
	return a
}

// stored draws from the random state of a store.
type stored struct {
	store *model.Store
	g     *Graph
}

func (s stored) Uniform(shape shapes.Shape) *Node { return s.store.RandomUniform(s.g, shape) }
func (s stored) Normal(shape shapes.Shape) *Node  { return s.store.RandomNormal(s.g, shape) }

// scripted draws the given numbers, one list a call.
type scripted struct {
	g     *Graph
	draws [][]float64
}

func (s *scripted) Uniform(shape shapes.Shape) *Node {
	next := s.draws[0]
	s.draws = s.draws[1:]
	return ConvertDType(Reshape(Const(s.g, next), shape.Dimensions...), shape.DType)
}

func (s *scripted) Normal(shapes.Shape) *Node { panic("no transformation is normal") }

// apply augments images with random numbers from a seeded store.
func apply(t *testing.T, backend compute.Backend, a DiffAugment, strength float32, images *tensors.Tensor) []float32 {
	t.Helper()
	return flat(call(backend, newStore(t), true, images, func(scope *model.Scope, x *Node) *Node {
		return a.Apply(x, Scalar(x.Graph(), x.DType(), strength), stored{scope.Store(), x.Graph()})
	}))
}

func TestNoStrengthIsIdentity(t *testing.T) {
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		images := random(1, 5*6*4*3)
		if got := apply(t, backend, everything(), 0, tensor(images, 5, 6, 4, 3)); !slices.Equal(got, images) {
			t.Error("strength 0 changes images")
		}
		if got := apply(t, backend, DiffAugment{}, 1, tensor(images, 5, 6, 4, 3)); !slices.Equal(got, images) {
			t.Error("the zero DiffAugment changes images")
		}
	})
}

// TestEachTransformation compares each with a loop over its definition, for given draws. The images are 5×4×3.
func TestEachTransformation(t *testing.T) {
	const batch, height, width, channels = 3, 5, 4, 3
	images := image{random(2, batch*height*width*channels), batch, height, width, channels}
	always := []float64{0, 0, 0}
	meanOf := func(b int, keep func(y, x int) bool) float64 {
		sum, n := 0.0, 0.0
		for y := range height {
			for x := range width {
				for c := range channels {
					if keep(y, x) {
						sum, n = sum+images.at(b, y, x, c), n+1
					}
				}
			}
		}
		return sum / n
	}
	whole := func(int, int) bool { return true }
	for name, c := range map[string]struct {
		augment DiffAugment
		draws   [][]float64
		want    func(b, y, x, c int) float64
	}{
		"brightness": {DiffAugment{Brightness: 0.5}, [][]float64{{0, 0.5, 0.75}, always},
			func(b, y, x, c int) float64 { return images.at(b, y, x, c) + []float64{-0.5, 0, 0.25}[b] }},
		"saturation": {DiffAugment{Saturation: 1}, [][]float64{{0, 0.5, 0.75}, always},
			func(b, y, x, c int) float64 {
				grey := meanOf(b, func(i, j int) bool { return i == y && j == x })
				return grey + []float64{0, 1, 1.5}[b]*(images.at(b, y, x, c)-grey)
			}},
		"contrast": {DiffAugment{Contrast: 0.5}, [][]float64{{0, 0.5, 0.75}, always},
			func(b, y, x, c int) float64 {
				mean := meanOf(b, whole)
				return mean + []float64{0.5, 1, 1.25}[b]*(images.at(b, y, x, c)-mean)
			}},
		"flip": {DiffAugment{Flip: true}, [][]float64{{0, 0.499, 0.5}, always},
			func(b, y, x, c int) float64 {
				if b < 2 {
					x = width - 1 - x
				}
				return images.at(b, y, x, c)
			}},
		"translation": {DiffAugment{Translation: 0.4}, [][]float64{{0, 0.5, 0.99}, {0.99, 0.1, 0.5}, always},
			func(b, y, x, c int) float64 { // up to two pixels down or up, right or left
				y, x = y-[]int{-2, 0, 2}[b], x-[]int{2, -2, 0}[b]
				if y < 0 || y >= height || x < 0 || x >= width {
					return -1
				}
				return images.at(b, y, x, c)
			}},
		"cutout": {DiffAugment{Cutout: 0.5}, [][]float64{{0, 0.5, 0.99}, {0.99, 0.5, 0}, always},
			// Of five rows three are hidden, with the middle drawn among five; of four columns two, and the right one of
			// them is drawn among five, the one past the edge too.
			func(b, y, x, c int) float64 {
				middle, right := []int{0, 2, 4}[b], []int{4, 2, 0}[b]
				if y >= middle-1 && y <= middle+1 && x >= right-1 && x <= right {
					return -1
				}
				return images.at(b, y, x, c)
			}},
		"never": {DiffAugment{Brightness: 0.5}, [][]float64{{0, 0.5, 0.75}, {0.999, 0.999, 0.999}},
			func(b, y, x, c int) float64 { return images.at(b, y, x, c) }},
	} {
		strength := float32(1)
		if name == "never" {
			strength = 0.5
		}
		var want []float64
		for b := range batch {
			for y := range height {
				for x := range width {
					for channel := range channels {
						want = append(want, c.want(b, y, x, channel))
					}
				}
			}
		}
		t.Run(name, func(t *testing.T) {
			gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
				got := callOnce(backend, func(x *Node) *Node {
					return c.augment.Apply(x, Scalar(x.Graph(), x.DType(), strength), &scripted{x.Graph(), c.draws})
				}, tensor(images.values, batch, height, width, channels))
				requireNear(t, name, flat(got), want, 1e-6)
			})
		})
	}
}

// TestAugmentDerivatives differentiates all transformations at once as gradient penalties do.
func TestAugmentDerivatives(t *testing.T) {
	draws := [][]float64{{0.1, 0.9}, {0, 0}, {0.2, 0.7}, {0, 0}, {0.8, 0.3}, {0, 0}, {0.2, 0.9}, {0, 0},
		{0.1, 0.9}, {0.7, 0.2}, {0, 0}, {0.4, 0.8}, {0.5, 0.1}, {0, 0}}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		checkDerivatives(t, backend, func(_ *model.Scope, x *Node) *Node {
			all := everything()
			all.Translation = 0.25
			return all.Apply(Mul(x, x), Scalar(x.Graph(), x.DType(), 1), &scripted{x.Graph(), draws})
		}, []int{2, 4, 5, 2}, true)
	})
}

// TestShiftDistribution shifts one bright pixel of many images: it is always kept, on a background of black, and each of
// the 25 shifts has the same probability.
func TestShiftDistribution(t *testing.T) {
	const n, side, reach, value = 3000, 8, 2, 0.5
	images := slices.Repeat([]float32{-1}, n*side*side)
	for i := range n {
		images[i*side*side+3*side+4] = value
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		got := apply(t, backend, DiffAugment{Translation: 0.25}, 1, tensor(images, n, side, side, 1))
		counts, meanDown, meanRight := map[[2]int]int{}, 0.0, 0.0
		for i := range n {
			found := 0
			for at, v := range got[i*side*side : (i+1)*side*side] {
				switch v {
				case value:
					down, right := at/side-3, at%side-4
					counts[[2]int{down, right}]++
					meanDown, meanRight = meanDown+float64(down)/n, meanRight+float64(right)/n
					found++
				case -1:
				default:
					t.Fatalf("a shifted image has the value %g", v)
				}
			}
			if found != 1 {
				t.Fatalf("a shifted image has the pixel %d times", found)
			}
		}
		p := 1.0 / 25
		for down := -reach; down <= reach; down++ {
			for right := -reach; right <= reach; right++ {
				count := float64(counts[[2]int{down, right}])
				if deviation := math.Sqrt(n * p * (1 - p)); math.Abs(count-n*p) > 5*deviation {
					t.Errorf("shift (%d, %d) was drawn %.0f times, want %.0f ± %.0f", down, right, count, n*p, deviation)
				}
			}
		}
		// One shift has the variance (0+1+1+4+4)/5 = 2.
		if limit := 5 * math.Sqrt(2.0/n); len(counts) != 25 || math.Abs(meanDown) > limit || math.Abs(meanRight) > limit {
			t.Errorf("%d different shifts with mean (%.3f, %.3f), want 25 with mean 0 ± %.3f", len(counts), meanDown,
				meanRight, limit)
		}
	})
}

// TestStrengthIsProbability counts the images that a transformation changes.
func TestStrengthIsProbability(t *testing.T) {
	const n = 2000
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, p := range []float64{0.3, 1} {
			got := apply(t, backend, DiffAugment{Brightness: 0.5}, float32(p), tensor(make([]float32, n*2), n, 1, 2, 1))
			changed := 0.0
			for i := 0; i < len(got); i += 2 {
				if got[i] != got[i+1] {
					t.Fatal("brightness is not the same for all pixels of an image")
				}
				if got[i] != 0 {
					changed++
				}
			}
			// One draw in 2²³ adds just nothing.
			if math.Abs(changed-n*p) > 5*math.Sqrt(n*p*(1-p))+1 {
				t.Errorf("strength %g changes %.0f of %d images", p, changed, n)
			}
		}
		images := random(3, 20*8*8*3)
		got := apply(t, backend, everything(), 1, tensor(images, 20, 8, 8, 3))
		for i := range 20 {
			if slices.Equal(got[i*8*8*3:(i+1)*8*8*3], images[i*8*8*3:(i+1)*8*8*3]) {
				t.Errorf("all transformations together leave image %d as it is", i)
			}
		}
	})
}

func TestAugmentNames(t *testing.T) {
	for want, a := range map[string]DiffAugment{
		"diffaugment":                       {},
		"diffaugment translation 0.25 flip": {Translation: 0.25, Flip: true},

		"diffaugment brightness 0.5 saturation 1 contrast 0.5 translation 0.125 cutout 0.5": PaperAugment(),
	} {
		if got := a.String(); got != want {
			t.Errorf("%#v is named %q, want %q", a, got, want)
		}
	}
}

func TestWrongAugment(t *testing.T) {
	backend := gantest.Go(t)
	for _, c := range []struct {
		augment  DiffAugment
		dims     []int
		strength []int
		want     string
	}{
		{DiffAugment{Flip: true}, []int{2, 8}, nil, "DiffAugment needs images"},
		{DiffAugment{Flip: true}, []int{2, 8, 8, 1}, []int{2}, "DiffAugment needs a scalar strength"},
		{DiffAugment{Translation: 1}, []int{2, 8, 8, 1}, nil, "diffaugment translation 1 is impossible"},
		{DiffAugment{Cutout: 1.5}, []int{2, 8, 8, 1}, nil, "diffaugment cutout 1.5 is impossible"},
		{DiffAugment{Contrast: -1}, []int{2, 8, 8, 1}, nil, "diffaugment contrast -1 is impossible"},
		{DiffAugment{Brightness: math.NaN()}, []int{2, 8, 8, 1}, nil, "diffaugment brightness NaN is impossible"},
	} {
		message := panicOf(t, func() {
			call(backend, newStore(t), true, tensors.FromScalarAndDimensions(float32(1), c.dims...),
				func(scope *model.Scope, x *Node) *Node {
					strength := Ones(x.Graph(), shapes.Make(x.DType(), c.strength...))
					return c.augment.Apply(x, strength, stored{scope.Store(), x.Graph()})
				})
		})
		if !strings.Contains(message, c.want) || strings.Contains(strings.TrimSpace(message), "\n") {
			t.Errorf("%q, want one line with %q", message, c.want)
		}
	}
}

func TestAdaptiveNames(t *testing.T) {
	for want, a := range map[string]Adaptive{
		"adaptive target 0.6 speed 500000": {},
		"adaptive target 0.2 speed 10000":  {Target: 0.2, Speed: 10_000},
	} {
		if got := a.String(); got != want {
			t.Errorf("%#v is named %q, want %q", a, got, want)
		}
	}
}

func TestAdaptiveNext(t *testing.T) {
	for _, c := range []struct {
		adaptive           Adaptive
		strength, meanSign float64
		images             int
		want               float64
	}{
		{Adaptive{}, 0.5, 0.7, 5000, 0.51}, // the paper's constants: 0.6, and 500 000 images from 0 to 1
		{Adaptive{}, 0.5, 0.5, 5000, 0.49},
		{Adaptive{}, 0.5, 0.6, 5000, 0.5},
		{Adaptive{}, 0.5, 1, 0, 0.5},
		{Adaptive{}, 0.999, 1, 5000, 1},
		{Adaptive{}, 0.001, -1, 5000, 0},
		{Adaptive{Target: 0.2, Speed: 1000}, 0, 0.3, 250, 0.25},
		{Adaptive{Target: -0.2, Speed: 1000}, 0.3, 0, 100, 0.4},
		{Adaptive{Speed: -1}, 0.3, 1, 100, 0.3},
		{Adaptive{Speed: math.NaN()}, 0.3, 1, 100, 0.3},
		{Adaptive{}, 0.3, math.NaN(), 100, 0.3},
	} {
		if got := c.adaptive.Next(c.strength, c.meanSign, c.images); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v.Next(%g, %g, %d) = %g, want %g", c.adaptive, c.strength, c.meanSign, c.images, got, c.want)
		}
	}
}

// TestAdaptiveSettles lets the controller act on critics whose overfitting falls with the strength: it must keep r at the
// target where one strength does, else stay at the end of the range, and never leave the range.
func TestAdaptiveSettles(t *testing.T) {
	a := Adaptive{Speed: 10_000}
	for _, c := range []struct {
		overfitting func(strength float64) float64
		want        float64
	}{
		{func(s float64) float64 { return 1 - s }, 0.4},
		{func(s float64) float64 { return math.Exp(-s) }, -math.Log(0.6)},
		{func(float64) float64 { return 0.1 }, 0},
		{func(float64) float64 { return 0.9 }, 1},
	} {
		for _, start := range []float64{0, 0.5, 1} {
			strength := start
			for range 200 {
				next := a.Next(strength, c.overfitting(strength), 256)
				if next < 0 || next > 1 || math.Abs(next-strength) > 256.0/10_000+1e-12 {
					t.Fatalf("strength went from %g to %g", strength, next)
				}
				strength = next
			}
			if math.Abs(strength-c.want) > 0.03 {
				t.Errorf("strength settles at %g, want %g", strength, c.want)
			}
		}
	}
}

var _ loss.Random = stored{}
