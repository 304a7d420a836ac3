package method

import (
	"errors"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// FeatureMatching is Alternating with a generator that does not look at the critic's logits: the features of its images shall be, on
// average, those of real ones (Salimans et al., "Improved techniques for training GANs", 2016, arXiv:1606.03498, section 3.1):
//
//	L_G = ‖ E f(x) - E f(G(z)) ‖² / features
//
// f are the columns behind the logit of what the critic returns, [batch, 1+features]: a hidden layer, as with net.FeatureCritic. The
// critic learns by its loss as ever. Means are all that is matched, so that the game is calm and its images are less varied.
type FeatureMatching struct{ Alternating }

// Arrange implements Method.
func (f FeatureMatching) Arrange(game *Game, pair Pair) {
	f.arrange(game, pair, func(p *Play) *Node {
		real, fake := pair.judge(p, p.Real()), pair.judge(p, pair.fake(p))
		objective := MatchedMeans(StopGradient(real.Others), fake.Others)
		p.Report(GeneratorLoss, objective)
		return objective
	})
}

// MatchedMeans is ‖E a - E b‖² / n, the mean squared difference between the means of two batches of vectors [batch, n], a scalar ≥ 0.
func MatchedMeans(a, b *Node) *Node {
	return ReduceAllMean(Square(Sub(ReduceMean(a, 0), ReduceMean(b, 0))))
}

// Columns says what the critic's columns behind the logit are.
func (FeatureMatching) Columns() string { return "features" }

// Check implements Method.
func (f FeatureMatching) Check(game Game, pair Pair) error {
	if game.Classes != 0 {
		return errors.New("feature matching takes the critic's further columns for features, and in a class-conditional experiment they are classes")
	}
	return f.Alternating.Check(game, pair)
}

// Identity implements Method.
func (f FeatureMatching) Identity() map[string]string {
	identity := f.Alternating.Identity()
	identity["order"] = "alternating, feature matching"
	return identity
}

// String implements Method.
func (f FeatureMatching) String() string {
	return describe("alternating, feature matching", f.Identity())
}
