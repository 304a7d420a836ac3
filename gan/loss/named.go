package loss

import (
	"math"

	"gantry.local/gan/part"
)

// Kinds are the losses by name.
func Kinds() part.Kinds[Loss] {
	single := func(about string, l Loss) part.Kind[Loss] { return part.Single(about, l, l.String()) }
	return part.Kinds[Loss]{Sort: "loss", All: []part.Kind[Loss]{
		single("the original game, with the generator's gradient where the critic is sure", NonSaturating),
		single("the original game as the paper's theory has it", Saturating),
		part.Value[Loss](smoothedName, "the original game with soft labels for the critic", Smoothed{}.withDefaults(), func(l *Smoothed) []part.Parameter {
			return []part.Parameter{
				part.Number("real", "label of real samples", &l.RealLabel, 0, 1),
				part.Number("fake", "label of fake samples, below the other", &l.FakeLabel, 0, 1),
				part.Truth("saturating", "the generator's objective is that of saturating", &l.Saturating),
			}
		}),
		single("the earth mover's distance; for a critic of bounded slope", Wasserstein),
		single("squared distances from the labels", LeastSquares),
		single("margins; with spectral normalisation", Hinge),
		single("each real sample beside a fake one", Paired),
		single("each sample beside the mean of the other kind", Average),
	}}
}

// PenaltyKinds are the penalties by name. The usual weights are those of the papers, but for [R1] and [R2]: their 10 suits large
// images, and 1 suits the 28×28 pixels of MNIST.
func PenaltyKinds() part.Kinds[Penalty] {
	kind := func(name, about string, usual float64, make func(weight float64) Penalty) part.Kind[Penalty] {
		return part.Of(name, about, usual, func(weight *float64) []part.Parameter {
			return []part.Parameter{part.Number("weight", "factor in the critic's objective", weight, 0, math.MaxFloat32)}
		}, make, func(p Penalty) (float64, bool) { return p.Weight(), p == make(p.Weight()) })
	}
	return part.Kinds[Penalty]{Sort: "penalty", All: []part.Kind[Penalty]{
		kind(wganGPName, "a slope of one between real and fake", 10, WGANGP),
		kind(oneSidedName, "a slope of at most one between real and fake", 10, OneSidedGP),
		kind(r1Name, "no slope at real samples", 1, R1),
		kind(r2Name, "no slope at fake samples", 1, R2),
		kind(draganName, "a slope of one around real samples", 10, DRAGAN),
		kind(consistencyName, "the same logit for a moved real image", 10, Consistency),
		kind(balancedName, "the same logit for a moved image, real or fake", 10, BalancedConsistency),
	}}
}
