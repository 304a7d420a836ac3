package loss

import (
	"strconv"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Penalty is a term added to the critic's objective. Implementations are small comparable values, as losses are.
//
// All but the consistency penalties limit ‖∇D(x)‖, the slope of each logit by its own image, and so ask for a critic that
// judges each image alone. Batch normalisation in a critic breaks that: every logit then depends on every image of the
// batch, the slopes mix, and something else is limited. Use a critic without batch statistics. The slope is
// differentiated once more by the critic's weights, so each of its layers must have a second derivative.
type Penalty interface {
	// Term returns the penalty without its weight, a scalar ≥ 0 built from what the critic is about to judge. It panics on
	// shapes that do not fit.
	Term(j Judged) *Node

	// Weight is the factor of Term in the critic's objective, finite and ≥ 0; who trains checks that it is. It can be
	// changed while a run trains.
	Weight() float64

	// String is the penalty's name with its weight, as kept in checkpoints, such as "r1 weight 1".
	String() string
}

// Judged is what a critic's update is made of.
type Judged struct {
	// Critic maps images, as shaped as Real, to logits [batch, 1], or [batch, 1+classes] whose column 0 is the logit. It
	// may be called any number of times, and a penalty may differentiate it by its images; the penalty is then
	// differentiated by the critic's weights.
	//
	// Where an augmentation T stands in front of the critic, Critic is D(T(images)) with what T drew for the real images, so
	// that a slope is the one by the images themselves, through T. That is how R1 is taken by ADA (Karras et al., 2020,
	// arXiv:2006.06676) and R1 and R2 by R3GAN (Huang et al., 2025, arXiv:2501.05441), in the authors' code.
	Critic func(images *Node) *Node

	// FakeCritic is Critic with what T drew for the fake images. nil: there is no augmentation, and it is Critic.
	FakeCritic func(images *Node) *Node

	Real, Fake             *Node // [batch, height, width, channels] float, not augmented; Fake is held constant
	RealLogits, FakeLogits *Node // Critic of Real and FakeCritic of Fake, made already

	Random Random
}

// ofFake is the critic of fake images.
func (j Judged) ofFake() func(images *Node) *Node {
	if j.FakeCritic != nil {
		return j.FakeCritic
	}
	return j.Critic
}

// Random draws random numbers inside a graph. Each call draws anew; what is drawn depends on the run's seed and the step.
type Random interface {
	Uniform(shape shapes.Shape) *Node // in [0, 1)
	Normal(shape shapes.Shape) *Node  // N(0,1)
}

// Penalties lists every penalty of the package with its usual weight, see [PenaltyKinds].
func Penalties() (all []Penalty) {
	for _, kind := range PenaltyKinds().All {
		all = append(all, kind.Usual())
	}
	return all
}

// weightWord stands between a penalty's name and its weight.
const weightWord = " weight "

// describe is the String of a penalty.
func describe(name string, weight float64) string {
	return name + weightWord + strconv.FormatFloat(weight, 'g', -1, 64)
}
