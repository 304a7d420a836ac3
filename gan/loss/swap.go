package loss

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// SwapLabels is label noise: it exchanges the i-th real with the i-th fake logit with a probability in [0, 1], each pair
// by itself, before a loss sees them. The critic is then trained with wrong labels now and then, which bounds how sure it
// can become, as [Smoothed] does, for any [Loss]: with cross-entropy the best logit of a sample that is surely real is
// log((1-p)/p). Arjovsky and Bottou, "Towards Principled Methods for Training Generative Adversarial Networks", 2017,
// arXiv:1701.04862, explain why a critic that is too sure has no useful gradient.
//
// real, fake: logits [batch, 1] float, of one shape. Use what is returned for the critic's objective only. Each gradient
// goes to the logit that was used, so its size is unchanged. At probability 0 nothing is drawn and the logits come back
// as they are.
func SwapLabels(real, fake *Node, probability float64, random Random) (r, f *Node) {
	if !(probability >= 0 && probability <= 1) {
		panic(fmt.Errorf("loss: labels swapped with probability %v, want 0 to 1", probability))
	}
	if !real.Shape().Equal(fake.Shape()) {
		panic(fmt.Errorf("loss: labels of logits %s and %s cannot be swapped, want one shape", real.Shape(), fake.Shape()))
	}
	if probability == 0 {
		return real, fake
	}
	draw := random.Uniform(real.Shape())
	swapped := LessThan(draw, Scalar(draw.Graph(), draw.DType(), probability))
	return Where(swapped, fake, real), Where(swapped, real, fake)
}
