package loss

import (
	"fmt"
	"math"
	"strconv"
	"strings"

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

// Penalties lists every penalty of the package with its default weight. The weights are those of the papers, but for
// [R1] and [R2]: their 10 suits large images, and 1 suits the 28×28 pixels of MNIST.
func Penalties() []Penalty {
	return []Penalty{WGANGP(10), OneSidedGP(10), R1(1), R2(1), DRAGAN(10), Consistency(10), BalancedConsistency(10)}
}

// PenaltyNamed returns the penalty called name ("wgan-gp", "one-sided gp", "r1", "r2", "dragan", "consistency",
// "balanced consistency") with a weight, or an error if there is none or the weight is negative or not finite.
func PenaltyNamed(name string, weight float64) (Penalty, error) {
	if !(weight >= 0) || math.IsInf(weight, 1) {
		return nil, fmt.Errorf("weight %v of penalty %q: use a finite number ≥ 0", weight, name)
	}
	makers := map[string]func(float64) Penalty{
		wganGPName: WGANGP, oneSidedName: OneSidedGP, r1Name: R1, r2Name: R2, draganName: DRAGAN,
		consistencyName: Consistency, balancedName: BalancedConsistency}
	if maker, found := makers[name]; found {
		return maker(weight), nil
	}
	return nil, unknownPenalty(name)
}

// ParsePenalty returns the penalty that text describes, either as String does ("r1 weight 0.1") or by its name alone
// ("r1"), which means the default weight. It inverts String for every penalty of this package.
func ParsePenalty(text string) (Penalty, error) {
	if name, number, found := strings.Cut(text, weightWord); found {
		weight, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, fmt.Errorf("penalty %q: weight %q is no number", text, number)
		}
		return PenaltyNamed(name, weight)
	}
	for _, p := range Penalties() {
		if penaltyName(p) == text {
			return p, nil
		}
	}
	return nil, unknownPenalty(text)
}

// weightWord stands between a penalty's name and its weight.
const weightWord = " weight "

// describe is the String of a penalty.
func describe(name string, weight float64) string {
	return name + weightWord + strconv.FormatFloat(weight, 'g', -1, 64)
}

// penaltyName is what describe was given.
func penaltyName(p Penalty) string {
	name, _, _ := strings.Cut(p.String(), weightWord)
	return name
}

func unknownPenalty(name string) error {
	var names []string
	for _, p := range Penalties() {
		names = append(names, penaltyName(p))
	}
	return fmt.Errorf("unknown penalty %q: use one of %s", name, strings.Join(names, ", "))
}
