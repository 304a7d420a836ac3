package examples_test

import (
	"fmt"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// The Wasserstein GAN of its paper (Arjovsky et al., 2017, arXiv:1701.07875, algorithm 1): RMSProp, clipped weights, five updates of
// the critic per step.
func Example_wgan() {
	networks := net.Toy{}
	exp := gan.Experiment{
		Name: "wgan", Data: data.Ring8().Set(4000, 1), Latent: 2, BatchSize: 64,
		Generator: networks.Generator, Critic: networks.Critic, Loss: loss.Wasserstein,
		Method:     method.Alternating{CriticSteps: 5},
		Optimizers: gan.Optimizers{Generator: optim.NewRMSProp(5e-4), Critic: optim.NewRMSProp(5e-4), ClipWeights: 0.1},
	}
	fmt.Println(len(exp.Check()), "findings")
	trainer, last := trained(exp.WithDefaults(), 60)
	largest := float32(0)
	for v := range trainer.Store().IterVariables() {
		if v.Trainable && len(v.Path()) > 7 && v.Path()[:8] == "/critic/" {
			for _, w := range values(v) {
				largest = max(largest, w, -w)
			}
		}
	}
	// The critic's loss is minus the distance that it measures, and no weight leaves its bounds.
	fmt.Println(last.Value(method.CriticLoss) < 0, largest <= 0.1)
	// Output:
	// 0 findings
	// true true
}
