package method

import (
	"errors"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
)

// Private is Alternating with critic updates that are differentially private with respect to single training images (DP-SGD:
// Abadi et al., "Deep learning with differential privacy", 2016, arXiv:1607.00133; for GANs: Xie et al., 2018,
// arXiv:1802.06739). An update looks at each image with the probability BatchSize/images, by a coin of its own, so its batch is
// BatchSize images on the average. The gradient of each, paired with a generated image, is scaled down to a norm of at most
// Clip, and Gaussian noise of standard deviation Noise·Clip is added to their sum. The generator sees real images through the
// critic alone, so what it makes is as private.
//
// SpentBy tells how private a trainer's run is: the weights of both networks, their averages, and what is made with them. Not
// private are a run's checkpoints, which hold the key that noise and coins are drawn by (from the system's random source;
// SaveWeights writes neither it nor the seed), and the losses, accuracies and metrics that it reports, which are of the
// real images themselves: publish neither. Nor does ε cover several branches of a run published side by side, or a choice
// among runs by what they report.
//
// What would let real images act otherwise than through the noisy sum is refused: penalties, augmentation, packing,
// classes, losses that compare real with fake, and critics that keep statistics of images or compare the images of a batch,
// which a trainer finds out by trying.
type Private struct {
	Clip        float64 // largest norm of one image's gradient, > 0
	Noise       float64 // noise multiplier, > 0
	Delta       float64 // probability with which the bound may fail, in (0, 1); default 1e-5
	CriticSteps int     // critic updates per step; default 1
}

// Arrange implements Method.
func (pv Private) Arrange(game *Game, pair Pair) {
	critic := pair.criticPhase(nil)
	critic.Driver = func(game Game) Driver { return newPrivate(pv, pair, game) }
	generator := pair.generatorPhase(func(p *Play) *Node { return pair.generatorObjective(p, pair.fake(p)) })
	game.Turns = []Turn{{Phases: []Phase{critic}, Times: max(pv.CriticSteps, 1)}, {Phases: []Phase{generator}, Again: true}}
}

// Check implements Method.
func (pv Private) Check(game Game, pair Pair) error {
	if !(pv.Clip > 0 && pv.Noise > 0 && pv.delta() > 0 && pv.delta() < 1 && pv.Clip+pv.Noise < math.Inf(1)) {
		return fmt.Errorf("Privacy: Clip %g and Noise %g must be positive, Delta %g between 0 and 1", pv.Clip, pv.Noise, pv.delta())
	}
	_, separable := pair.Loss.(loss.Halves)
	if len(pair.Penalties) > 0 || pair.Pack > 1 || pair.Augment != nil || game.Classes > 0 || !separable {
		return errors.New("Privacy bounds what one image can do, so it goes with a loss of separate halves, without penalties, " +
			"packing, classes and augmentation")
	}
	return checkCounts(pair, pv.CriticSteps, 0, 0, 0)
}

func (pv Private) delta() float64 {
	if pv.Delta == 0 {
		return 1e-5
	}
	return pv.Delta
}

// Identity implements Method.
func (pv Private) Identity() map[string]string {
	identity := Alternating{CriticSteps: pv.CriticSteps}.Identity()
	identity["privacy"] = fmt.Sprintf("clip %g noise %g delta %g", pv.Clip, pv.Noise, pv.delta())
	return identity
}

// String implements Method.
func (pv Private) String() string { return describe("alternating", pv.Identity()) }
