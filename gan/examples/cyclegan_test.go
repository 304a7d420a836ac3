package examples_test

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// CycleGAN (Zhu et al., 2017, arXiv:1703.10593) translates between two sets that no pairs join. Two generators, two critics: what a
// generator makes of one set must pass for the other, and what goes there and back must be as it was.
func Example_cycleGAN() {
	translator := func(scope *model.Scope, x *Node) *Node { // images of any one size, a bias and a mixture of all pixels
		d := x.Shape().Dimensions
		return Tanh(Add(x, Reshape(net.Dense(scope.In("change"), net.Flatten(x), d[1]*d[2]*d[3]), d...)))
	}
	critic := func(scope *model.Scope, x *Node) *Node {
		return net.Dense(scope.In("logit"), net.LeakyReLU(net.Dense(scope.In("hidden"), net.Flatten(x), 16), 0.2), 1)
	}
	judge := func(p *method.Play, critic string, real, fake *Node) *Node {
		return loss.LeastSquares.Critic(p.Net(critic, real), p.Net(critic, StopGradient(fake)))
	}
	critics := func(p *method.Play) *Node {
		day, night := p.Beside(0).Images, p.Beside(1).Images
		sum := Add(judge(p, "night-critic", night, p.Net("to-night", day)), judge(p, "day-critic", day, p.Net("to-day", night)))
		p.Report("critics loss", sum)
		return sum
	}
	generators := func(p *method.Play) *Node {
		day, night := p.Beside(0).Images, p.Beside(1).Images
		darkened, brightened := p.Net("to-night", day), p.Net("to-day", night)
		fooled := Add(loss.LeastSquares.Generator(nil, p.Net("night-critic", darkened)), loss.LeastSquares.Generator(nil, p.Net("day-critic", brightened)))
		cycle := Add(ReduceAllMean(Abs(Sub(p.Net("to-day", darkened), day))), ReduceAllMean(Abs(Sub(p.Net("to-night", brightened), night))))
		p.Report("cycle loss", cycle)
		return Add(fooled, MulScalar(cycle, 5))
	}
	adam := optim.NewAdam(5e-3, 0.5, 0.999)
	trainer, _ := trained(method.Game{
		Name: "cyclegan", BatchSize: 16, Data: []data.Set{shades("day", 0.5), shades("night", -0.5)},
		Networks: []method.Network{method.Of("to-night", translator), method.Of("to-day", translator),
			method.Of("night-critic", critic), method.Of("day-critic", critic)},
		Turns: []method.Turn{
			{Phases: []method.Phase{{Moves: []string{"night-critic", "day-critic"}, Objective: critics, Optimizer: adam}}},
			{Phases: []method.Phase{{Moves: []string{"to-night", "to-day"}, Objective: generators, Optimizer: adam}}, Again: true}},
	}, 400)
	day, _ := shades("day", 0.5).Load()
	made, err := trainer.Apply("to-night", *day)
	fmt.Println(mean(day.Values) > 0.4, mean(made.Values) < -0.3, err)
	// Output: true true <nil>
}
