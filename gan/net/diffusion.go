package net

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas

	"gantry.local/gan/loss"
)

// Diffusion shows the critic images, real and fake alike, after t steps of a diffusion, each to another t, so that the two
// distributions overlap and its logits have useful slopes between them (Wang et al., "Diffusion-GAN: training GANs with diffusion",
// 2022, arXiv:2206.02262):
//
//	y = √ᾱ_t · x + √(1-ᾱ_t) · Sigma · ε,    ᾱ_t = Π (1-β_i), i = 1 … t,    ε ~ N(0,1)
//
// with β from 1e-4 to 0.02 along MostSteps. Half of the images stay as they are, t = 0; the others have a t of 1 … T with a probability
// proportional to t (the paper's priority). T goes with the strength of the augmentation, from LeastSteps at 0 to MostSteps at 1, and
// grows while the critic is too sure, see Adaptive. The critic isn't told t, as the paper's is.
//
// It can be differentiated by images any number of times.
type Diffusion struct {
	LeastSteps int     // T at strength 0; default 5
	MostSteps  int     // T at strength 1, at most 10 000; default 500
	Sigma      float64 // of the noise, where images lie in [-1, 1]; default 0.05, as in the paper
}

func (d Diffusion) withDefaults() Diffusion {
	d.LeastSteps, d.MostSteps = orDefault(d.LeastSteps, 5), orDefault(d.MostSteps, 500)
	if d.Sigma == 0 {
		d.Sigma = 0.05
	}
	return d
}

// The variances of the paper's (and DDPM's: Ho et al., 2020, arXiv:2006.11239) diffusion, which rise evenly.
const firstBeta, lastBeta = 1e-4, 0.02

// MostDiffusion is how many steps a Diffusion has at most.
const MostDiffusion = 10_000

// String names the diffusion with its constants, as kept in checkpoints: "diffusion steps 5 to 500 sigma 0.05".
func (d Diffusion) String() string {
	d = d.withDefaults()
	return fmt.Sprintf("diffusion steps %d to %d sigma %g", d.LeastSteps, d.MostSteps, d.Sigma)
}

// Check returns an error where a constant is out of its range.
func (d Diffusion) Check() error {
	d = d.withDefaults()
	if d.LeastSteps < 1 || d.MostSteps < d.LeastSteps || d.MostSteps > MostDiffusion || !(d.Sigma > 0) || math.IsInf(d.Sigma, 0) {
		return fmt.Errorf("%v is impossible: want 1 ≤ LeastSteps ≤ MostSteps ≤ %d and a positive Sigma", d, MostDiffusion)
	}
	return nil
}

// Apply diffuses a batch of images. images: [batch, height, width, channels] float; strength: a scalar float32 in [0, 1]; the result:
// like images, unbounded.
func (d Diffusion) Apply(images, strength *Node, random loss.Random) *Node {
	if d = d.withDefaults(); d.Check() != nil {
		panic(d.Check())
	}
	requireImages("Diffusion", images)
	if strength.Rank() != 0 {
		panic(fmt.Errorf("Diffusion needs a scalar strength, not %s", strength.Shape()))
	}
	draw := sampleDraws{images: images, random: random}
	left := d.left(images.Graph(), d.steps(draw, ConvertDType(strength, images.DType())))
	left = InsertAxes(ConvertDType(left, images.DType()), -1, -1, -1)
	noise := MulScalar(random.Normal(images.Shape()), d.Sigma)
	return Add(Mul(Sqrt(left), images), Mul(Sqrt(OneMinus(left)), noise))
}

// steps draws t for each image, [batch] int32.
func (d Diffusion) steps(draw sampleDraws, strength *Node) *Node {
	most := Floor(AddScalar(MulScalar(strength, float64(d.MostSteps-d.LeastSteps)), float64(d.LeastSteps)+0.5)) // T
	stays := draw.chance(Scalar(most.Graph(), most.DType(), 0.5))
	// P(t ≤ k) = k(k+1)/(T(T+1)), inverted: the least k with k(k+1) > u·T(T+1).
	product := Mul(draw.uniform(), Mul(most, AddScalar(most, 1)))
	t := Ceil(SubScalar(Sqrt(AddScalar(product, 0.25)), 0.5))
	t = Min(MaxScalar(t, 1), most)
	return ConvertDType(Where(stays, ZerosLike(t), t), dtypes.Int32)
}

// left is ᾱ of each of steps, [batch] float32.
func (d Diffusion) left(g *Graph, steps *Node) *Node {
	table := make([]float32, d.MostSteps+1)
	product := 1.0
	for t := range table {
		if t > 0 {
			product *= 1 - firstBeta - (lastBeta-firstBeta)*float64(t-1)/float64(max(d.MostSteps-1, 1))
		}
		table[t] = float32(product)
	}
	return Gather(Const(g, table), InsertAxes(steps, -1))
}
