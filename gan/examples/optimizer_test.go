package examples_test

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
	"gantry.local/gan/setting"
)

// signs moves each weight by the same step against the sign of the mean of its gradients (signSGD with momentum: Bernstein et al.,
// 2018, arXiv:1802.04434).
type signs struct{ Rate, Momentum float64 }

func (o signs) Update(s *optim.State, gradients []*Node) []*Node {
	means, changes := s.Slots("mean"), make([]*Node, len(gradients))
	for i, gradient := range gradients {
		means[i] = Add(MulScalar(means[i], o.Momentum), MulScalar(gradient, 1-o.Momentum))
		changes[i] = Mul(Sign(means[i]), s.Setting("rate"))
	}
	s.SetSlots("mean", means)
	return changes
}

func (o signs) Settings() []setting.Setting {
	return []setting.Setting{setting.NonNegative("rate", o.Rate)}
}

func (o signs) Check() error {
	if !(o.Momentum >= 0 && o.Momentum < 1) {
		return fmt.Errorf("signs: Momentum %g must lie in [0, 1)", o.Momentum)
	}
	return nil
}

func (o signs) String() string { return fmt.Sprintf("signs rate %g momentum %g", o.Rate, o.Momentum) }

// An optimizer of one's own is a value like any other: its rate is a setting of the run, it chains, and checkpoints keep what it
// remembers.
func Example_optimizer() {
	networks := net.Toy{}
	trainer, _ := trained(gan.Experiment{
		Name: "signs", Data: data.Ring8().Set(4000, 1), Latent: 2, Generator: networks.Generator, Critic: networks.Critic,
		Optimizers: gan.Both(optim.Chain(optim.ClipNorm(5), signs{Rate: 2e-4, Momentum: 0.5})),
	}.WithDefaults(), 50)
	fmt.Println(trainer.Settings())
	fmt.Println(trainer.Set(method.CriticRate, -1))
	// Output:
	// map[critic.clip-norm:5 critic.rate:0.0002 generator.clip-norm:5 generator.rate:0.0002]
	// setting critic.rate cannot be -1: want a finite number of at least 0
}
