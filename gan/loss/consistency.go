package loss

import (
	"errors"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Consistency is the penalty of Zhang et al., "Consistency Regularization for Generative Adversarial Networks", 2019,
// arXiv:1910.12027 (CR-GAN):
//
//	E[(D(x) - D(T(x)))²]
//
// T moves an image without changing what it shows: here by a whole number of pixels, uniform in ±2 and drawn anew for each
// sample, up or down and left or right; what moves in repeats the border. (The paper also mirrors images, which makes
// other signs of digits and letters.) The critic is asked to look at what is shown and not at where. No gradient by the
// images is needed, so every critic will do, and the penalty costs one more judgement of a batch and no second
// derivative. The paper's weight is 10.
//
// A series [batch, T, 1, channels] moves in time. Images of a single pixel cannot move: Term panics.
//
// Stability: a difference of logits squared, finite up to differences of 1e19.
func Consistency(weight float64) Penalty { return Consistent{weight: weight} }

// BalancedConsistency is [Consistency] of real and of fake samples, as in Zhao et al., "Improved Consistency Regularization
// for GANs", 2020, arXiv:2002.04724 (bCR), with one weight for both:
//
//	E[(D(x) - D(T(x)))²] + E[(D(G(z)) - D(T(G(z))))²]
//
// With the real term alone the generator may learn to imitate traces of T, as the critic is blind to them in real samples
// only. The paper's weight is 10.
func BalancedConsistency(weight float64) Penalty { return Consistent{weight: weight, balanced: true} }

const (
	consistencyName = "consistency"
	balancedName    = "balanced consistency"
)

// reach is the largest number of pixels by which an image moves along an axis.
const reach = 2

// Consistent is the family of [Consistency] and [BalancedConsistency].
type Consistent struct {
	weight   float64
	balanced bool
}

// Term implements Penalty.
func (p Consistent) Term(j Judged) *Node {
	real := inconsistency(j, j.Critic, j.Real, j.RealLogits)
	if !p.balanced {
		return real
	}
	return Add(real, inconsistency(j, j.ofFake(), j.Fake, j.FakeLogits))
}

// Weight implements Penalty.
func (p Consistent) Weight() float64 { return p.weight }

// String implements Penalty.
func (p Consistent) String() string {
	if p.balanced {
		return describe(balancedName, p.weight)
	}
	return describe(consistencyName, p.weight)
}

func inconsistency(j Judged, critic func(images *Node) *Node, images, logits *Node) *Node {
	again := verdicts(critic(moved(images, j.Random)))
	return ReduceAllMean(Square(Sub(verdicts(logits), again)))
}

// moved returns images, each moved by its own offset. images: [batch, height, width, channels] float, held constant.
func moved(images *Node, random Random) *Node {
	if images.Rank() != 4 {
		panic(fmt.Errorf("loss: images of shape %s, want [batch, height, width, channels]", images.Shape()))
	}
	d := images.Shape().Dimensions
	batch, height, width, channels := d[0], d[1], d[2], d[3]
	if height*width == 1 {
		panic(errors.New("loss: a consistency penalty moves images, and these have a single pixel: use another penalty"))
	}
	uniform := random.Uniform(shapes.Make(images.DType(), batch, 2))
	offsets := AddScalar(ConvertDType(Floor(MulScalar(uniform, 2*reach+1)), dtypes.Int32), -reach)

	places := shapes.Make(dtypes.Int32, batch, height, width)
	source := func(axis int) *Node { // where along axis each place is read, [batch, height, width]
		offset := Reshape(Slice(offsets, AxisRange(), AxisElem(axis-1)), batch, 1, 1)
		return ClipScalar(Sub(Iota(images.Graph(), places, axis), offset), 0, float64(d[axis]-1))
	}
	image := Iota(images.Graph(), places, 0)
	pixel := Add(MulScalar(Add(MulScalar(image, height), source(1)), width), source(2))
	rows := Reshape(StopGradient(images), batch*height*width, channels)
	return Gather(rows, InsertAxes(pixel, -1))
}
