package loss

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
)

// Relativistic is the family of Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from
// standard GAN", 2018, arXiv:1807.00734. The critic does not say whether a sample is real but whether it is more real
// than the other kind, so the generator must also make real samples look less real. Neither member is [Halves]: real and
// fake logits meet in one term. The critic's loss is 0 only where real and fake are infinitely far apart, and as the two
// approach each other both losses approach log 2 per term.
//
// Stability: softplus as in [CrossEntropy], of differences of logits.
type Relativistic uint8

const (
	// Paired compares the i-th real with the i-th fake sample (RSGAN, equations 8 and 9 of the paper; with R1 and R2
	// the objective of Huang et al., "The GAN is dead; long live the GAN!", 2025, arXiv:2501.05441):
	//
	//	L_D = E[softplus(-(D(x) - D(G(z))))]
	//	L_G = E[softplus(-(D(G(z)) - D(x)))]
	//
	// Both batches must be of one size.
	Paired Relativistic = iota

	// Average compares each sample with the mean of the other kind (RaSGAN, equations 12 and 13):
	//
	//	L_D = E[softplus(-(D(x) - E[D(G(z))]))] + E[softplus(D(G(z)) - E[D(x)])]
	//	L_G = E[softplus(-(D(G(z)) - E[D(x)]))] + E[softplus(D(x) - E[D(G(z))])]
	//
	// The gradient flows through the means too.
	Average
)

// Critic implements Loss: the loss of taking real for more real than fake.
func (l Relativistic) Critic(real, fake *Node) *Node {
	if l == Paired {
		return ReduceAllMean(softplus(Sub(fake, real)))
	}
	return Add(
		ReduceAllMean(softplus(Sub(ReduceAllMean(fake), real))),
		ReduceAllMean(softplus(Sub(fake, ReduceAllMean(real)))))
}

// Generator implements Loss: the critic's loss with the two kinds exchanged.
func (l Relativistic) Generator(real, fake *Node) *Node { return l.Critic(fake, real) }

// String implements Loss: "relativistic paired" or "relativistic average".
func (l Relativistic) String() string {
	if l == Average {
		return "relativistic average"
	}
	return "relativistic paired"
}
