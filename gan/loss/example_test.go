package loss_test

import (
	"fmt"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan/device"
	"gantry.local/gan/loss"
)

// A fresh critic says 0 of everything, so its cross-entropy is 2·log 2.
func ExampleLoss() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()

	logits := [][]float32{{0}, {0}}
	for _, l := range loss.All() {
		critic := graph.MustNewExec(backend, l.Critic).MustCall1(logits, logits)
		fmt.Printf("%s: %.4f\n", l, critic.Value())
	}
	// Output:
	// non-saturating: 1.3863
	// saturating: 1.3863
	// smoothed: 1.3863
	// wasserstein: 0.0000
	// least squares: 0.5000
	// hinge: 2.0000
	// relativistic paired: 0.6931
	// relativistic average: 1.3863
}

func ExampleNamed() {
	l, err := loss.Named("wasserstein")
	fmt.Println(l, err)
	_, err = loss.Named("minimax")
	fmt.Println(err)
	// Output:
	// wasserstein <nil>
	// unknown loss "minimax": use one of non-saturating, saturating, smoothed, wasserstein, least squares, hinge, relativistic paired, relativistic average
}

// With soft labels the critic is punished for being too sure that a sample is real.
func ExampleSmoothed() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()

	for _, l := range []loss.Halves{loss.NonSaturating, loss.Smoothed{}, loss.Smoothed{RealLabel: 0.75, FakeLabel: 0.25}} {
		slope := graph.MustNewExec(backend, func(logit *graph.Node) *graph.Node {
			return graph.Gradient(l.Real(logit), logit)[0]
		})
		fmt.Printf("%s:", l)
		for _, logit := range []float64{0, 2, 4} {
			fmt.Printf(" %.3f", slope.MustCall1(logit).Value())
		}
		fmt.Println()
	}
	// Output:
	// non-saturating: -0.500 -0.119 -0.018
	// smoothed: -0.400 -0.019 0.082
	// smoothed real 0.75 fake 0.25: -0.250 0.131 0.232
}

// halfway draws 1/2 always, where a training step draws anew each time.
type halfway struct{ g *graph.Graph }

func (r halfway) Uniform(shape shapes.Shape) *graph.Node {
	return graph.BroadcastToShape(graph.Scalar(r.g, shape.DType, 0.5), shape)
}
func (r halfway) Normal(shape shapes.Shape) *graph.Node { return r.Uniform(shape) }

// The critic D(x) = 3x₁ + 4x₂ has slope 5 everywhere: too steep for a gradient penalty, and not flat.
func ExamplePenalty() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()

	for _, p := range loss.Penalties() {
		term := graph.MustNewExec(backend, func(weights, real, fake *graph.Node) *graph.Node {
			critic := func(images *graph.Node) *graph.Node {
				return graph.MatMul(graph.Reshape(images, images.Shape().Dimensions[0], -1), weights)
			}
			return p.Term(loss.Judged{
				Critic: critic, Real: real, Fake: fake, RealLogits: critic(real), FakeLogits: critic(fake),
				Random: halfway{real.Graph()}})
		})
		real := [][][][]float64{{{{1}, {0}}}} // one sample of one row of two pixels of one channel
		fake := [][][][]float64{{{{0}, {1}}}}
		fmt.Printf("%s: %.2f\n", p, term.MustCall1([][]float64{{3}, {4}}, real, fake).Value())
	}
	// Output:
	// wgan-gp weight 10: 16.00
	// one-sided gp weight 10: 16.00
	// r1 weight 1: 12.50
	// r2 weight 1: 12.50
	// dragan weight 10: 16.00
	// consistency weight 10: 0.00
	// balanced consistency weight 10: 0.00
}

func ExamplePenaltyKinds() {
	p, err := loss.PenaltyKinds().Parse("r1 weight 0.1")
	fmt.Println(p, p.Weight(), err)
	p, err = loss.PenaltyKinds().Parse("wgan-gp") // with its usual weight
	fmt.Println(p, err)
	_, err = loss.PenaltyKinds().Parse("r3")
	fmt.Println(err)
	// Output:
	// r1 weight 0.1 0.1 <nil>
	// wgan-gp weight 10 <nil>
	// unknown penalty "r3": did you mean r1? use one of wgan-gp, one-sided gp, r1, r2, dragan, consistency, balanced consistency
}

// Label noise: a pair whose draw, here 1/2, is below the probability is judged with exchanged labels.
func ExampleSwapLabels() {
	backend, err := device.Open("go")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()

	for _, probability := range []float64{0.1, 0.9} {
		critic := graph.MustNewExec(backend, func(real, fake *graph.Node) *graph.Node {
			real, fake = loss.SwapLabels(real, fake, probability, halfway{real.Graph()})
			return loss.Wasserstein.Critic(real, fake)
		})
		fmt.Println(probability, critic.MustCall1([][]float64{{3}}, [][]float64{{-3}}).Value())
	}
	// Output:
	// 0.1 -6
	// 0.9 6
}
