package loss

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Smoothed is [CrossEntropy] with soft labels for the critic, from Salimans et al., "Improved Techniques for Training
// GANs", 2016, arXiv:1606.03498, section 3.4. The cross-entropy of a logit d with label t is
//
//	t softplus(-d) + (1-t) softplus(d),  with derivative σ(d) - t
//
// so the critic is drawn to the finite logit log(t/(1-t)), 2.2 for a label of 0.9, and driven back from beyond it. It
// cannot become arbitrarily sure, and its weights stop growing. A fake label above 0 (two-sided smoothing) is possible;
// the paper advises against it, since where fake samples are many and real ones rare the critic then rewards the
// generator for staying where it is.
//
// The generator's objective keeps hard labels: it is that of [NonSaturating] or [Saturating].
//
// Stability: softplus as in [CrossEntropy]; both terms are ≥ 0, so nothing cancels. The zero value is one-sided
// smoothing with a real label of 0.9.
type Smoothed struct {
	RealLabel  float64 // label of real samples, above FakeLabel and up to 1; 0 means 0.9
	FakeLabel  float64 // label of fake samples, from 0 on
	Saturating bool    // whether the generator's objective is that of Saturating
}

const smoothedName = "smoothed"

// withDefaults returns l with its real label set.
func (l Smoothed) withDefaults() Smoothed {
	if l.RealLabel == 0 {
		l.RealLabel = 0.9
	}
	return l
}

// Check returns an error unless 0 ≤ fake label < real label ≤ 1.
func (l Smoothed) Check() error {
	if l = l.withDefaults(); !(0 <= l.FakeLabel && l.FakeLabel < l.RealLabel && l.RealLabel <= 1) {
		return fmt.Errorf("labels real %g and fake %g of a smoothed loss: use 0 ≤ fake < real ≤ 1", l.RealLabel, l.FakeLabel)
	}
	return nil
}

// Critic implements Loss: the cross-entropies of real and of fake samples with their labels, added.
func (l Smoothed) Critic(real, fake *Node) *Node { return Add(l.Real(real), l.Fake(fake)) }

// Generator implements Loss: the objective of NonSaturating or Saturating; real is not used.
func (l Smoothed) Generator(real, fake *Node) *Node {
	if l.Saturating {
		return Saturating.Generator(real, fake)
	}
	return NonSaturating.Generator(real, fake)
}

// Real implements Halves: the cross-entropy of real samples with their label.
func (l Smoothed) Real(logits *Node) *Node { return l.half(logits, l.withDefaults().RealLabel) }

// Fake implements Halves: the cross-entropy of fake samples with their label.
func (l Smoothed) Fake(logits *Node) *Node { return l.half(logits, l.FakeLabel) }

// half is E[t softplus(-d) + (1-t) softplus(d)].
func (l Smoothed) half(logits *Node, label float64) *Node {
	if err := l.Check(); err != nil {
		panic(fmt.Errorf("loss: %w", err))
	}
	return Add(MulScalar(NonSaturating.Real(logits), label), MulScalar(NonSaturating.Fake(logits), 1-label))
}

// String implements Loss: "smoothed" for the zero value, and with other settings for example "smoothed real 0.8 fake 0.1"
// or "smoothed real 0.9 fake 0 saturating". [Named] finds each of them.
func (l Smoothed) String() string {
	l = l.withDefaults()
	if l == (Smoothed{}).withDefaults() {
		return smoothedName
	}
	name := fmt.Sprintf("%s real %v fake %v", smoothedName, l.RealLabel, l.FakeLabel)
	if l.Saturating {
		name += " saturating"
	}
	return name
}
