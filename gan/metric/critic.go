package metric

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// CriticHealth is what a critic's logits say about it.
type CriticHealth struct {
	RealMean, FakeMean         float64 // mean logits
	RealAccuracy, FakeAccuracy float64 // shares of real logits above 0 and of fake logits below 0

	// Separation is the probability that a real image has a higher logit than a fake one: 0.5 where the critic is
	// fooled, 1 where it tells every pair apart. Unlike the accuracies it means the same for a Wasserstein critic,
	// whose logits have no zero.
	Separation float64

	// Overfit is the probability that a training image has a higher logit than a held-out one: 0.5 for a critic that
	// has learned nothing by heart. It is 0.5, and HeldOutAccuracy 0, without held-out logits.
	Overfit         float64
	HeldOutAccuracy float64 // share of held-out real logits above 0
}

// String writes the health in one line.
func (h CriticHealth) String() string {
	return fmt.Sprintf("critic: real %.1f %%, fake %.1f %% right, separation %.3f, training against held-out %.3f",
		100*h.RealAccuracy, 100*h.FakeAccuracy, h.Separation, h.Overfit)
}

// JudgeCritic judges a critic by its logits on real training images, on fakes and, unless nil, on held-out real
// images. A critic of a few thousand images that separates training images from held-out ones memorises them; its
// gradient then leads the generator to copies.
//
// Brock, Donahue and Simonyan, "Large scale GAN training", 2018, arXiv:1809.11096, section 4, watch the critic so.
func JudgeCritic(real, fake, heldOut []float32) (CriticHealth, error) {
	if len(real) == 0 || len(fake) == 0 {
		return CriticHealth{}, fmt.Errorf("cannot judge a critic by %d real and %d fake logits: want at least one of each",
			len(real), len(fake))
	}
	for _, v := range slices.Concat(real, fake, heldOut) {
		if v-v != 0 {
			return CriticHealth{}, fmt.Errorf("the critic's logits hold %g: want finite numbers", v)
		}
	}
	h := CriticHealth{RealMean: mean(real), FakeMean: mean(fake), Separation: precedence(real, fake), Overfit: 0.5}
	h.RealAccuracy = share(real, func(v float32) bool { return v > 0 })
	h.FakeAccuracy = share(fake, func(v float32) bool { return v < 0 })
	if len(heldOut) > 0 {
		h.HeldOutAccuracy = share(heldOut, func(v float32) bool { return v > 0 })
		h.Overfit = precedence(real, heldOut)
	}
	return h, nil
}

// Accuracy is the mean of the accuracies on real and fake images.
func (h CriticHealth) Accuracy() float64 { return (h.RealAccuracy + h.FakeAccuracy) / 2 }

// precedence is the probability that a value of a is above a value of b, ties counting half (the Mann-Whitney
// statistic, or area under the ROC curve).
func precedence(a, b []float32) float64 {
	sorted := slices.Sorted(slices.Values(b))
	wins := 0.0
	for _, v := range a {
		below, _ := slices.BinarySearch(sorted, v)
		upTo, _ := slices.BinarySearch(sorted, math.Nextafter32(v, float32(math.Inf(1))))
		wins += float64(below+upTo) / 2
	}
	return wins / float64(len(a)) / float64(len(b))
}

func mean(values []float32) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	return sum / float64(len(values))
}

func share(values []float32, is func(float32) bool) float64 {
	count := 0
	for _, v := range values {
		if is(v) {
			count++
		}
	}
	return float64(count) / float64(len(values))
}

// GradientHealth sums up the gradients of a network's variables.
type GradientHealth struct {
	Total             float64 // norm over all variables
	Smallest, Largest VariableNorm
	Reason            string // what is wrong, "" for nothing
}

// VariableNorm is the norm of a gradient by one variable.
type VariableNorm struct {
	Variable string
	Norm     float64
}

// VariableGradient is a gradient by one variable; those of Trainer.GradientNorms are such.
type VariableGradient interface {
	// Of is the variable, and the norm of the gradient by it.
	Of() (variable string, norm float64)
}

// JudgeGradients looks through gradients as Trainer.GradientNorms returns them for one network, for some that are not
// finite, that have vanished (a norm below 1e-7, or below a millionth of the network's) or that explode (above 1e4).
func JudgeGradients[G VariableGradient](gradients []G) (GradientHealth, error) {
	if len(gradients) == 0 {
		return GradientHealth{}, errors.New("there are no gradients to judge: want one norm per variable")
	}
	const vanished, relative, exploded = 1e-7, 1e-6, 1e4
	h := GradientHealth{}
	for i, of := range gradients {
		var g VariableNorm
		g.Variable, g.Norm = of.Of()
		if i == 0 {
			h.Smallest, h.Largest = g, g
		}
		h.Total = math.Hypot(h.Total, g.Norm)
		if g.Norm < h.Smallest.Norm {
			h.Smallest = g
		}
		if g.Norm > h.Largest.Norm {
			h.Largest = g
		}
		if g.Norm-g.Norm != 0 && h.Reason == "" {
			h.Reason = fmt.Sprintf("the gradient of %s is not finite", g.Variable)
		}
	}
	switch {
	case h.Reason != "":
	case h.Largest.Norm > exploded:
		h.Reason = fmt.Sprintf("the gradient of %s explodes (norm %.2g)", h.Largest.Variable, h.Largest.Norm)
	case h.Smallest.Norm < max(vanished, relative*h.Total):
		h.Reason = fmt.Sprintf("the gradient of %s has vanished (norm %.2g)", h.Smallest.Variable, h.Smallest.Norm)
	}
	return h, nil
}
