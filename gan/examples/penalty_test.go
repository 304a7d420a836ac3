package examples_test

import (
	"fmt"
	"log"

	. "github.com/gomlx/gomlx/core/graph"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/method"
	"gantry.local/gan/net"
	"gantry.local/gan/setting"
)

// pathLength is StyleGAN2's penalty on the generator (Karras et al., 2020, arXiv:1912.04958): a step in z shall be a step of the same
// length in the image, wherever it is taken. J'y is the gradient of the image's product with a random image y.
func pathLength(p *method.Play) *Node {
	z := p.Latents()
	images := p.Net(method.GeneratorName, z, nil)
	y := p.Random().Normal(images.Shape())
	slope := Gradient(ReduceAllSum(Mul(images, y)), z)[0]
	lengths := Sqrt(AddScalar(ReduceSum(Square(slope), -1), 1e-8))
	return ReduceAllMean(Square(Sub(lengths, StopGradient(ReduceAllMean(lengths)))))
}

// regularised is an experiment with the penalty in the generator's objective, every fourth step, four times heavier.
type regularised struct{ gan.Experiment }

func (r regularised) Game() (method.Game, error) {
	game, err := r.Experiment.Game()
	if err != nil {
		return game, err
	}
	game.Settings = append(game.Settings, setting.NonNegative("path.weight", 2))
	generator := &game.Turns[len(game.Turns)-1].Phases[0]
	objective := generator.Objective
	generator.LazyEvery = 4
	generator.Objective = func(p *method.Play) *Node {
		sum := objective(p)
		if times, due := p.Lazy(); due {
			penalty := Mul(pathLength(p), p.Setting("path.weight"))
			p.Report("path length", penalty)
			sum = Add(sum, MulScalar(penalty, float64(times)))
		}
		return sum
	}
	return game, nil
}

// A penalty on the generator is one more term of its phase's objective; what it reports is one more of the step's numbers.
func Example_penalty() {
	networks := net.Toy{}
	trainer, last := trained(regularised{gan.Experiment{
		Name: "path length", Data: data.Ring8().Set(4000, 1), Latent: 2, Generator: networks.Generator, Critic: networks.Critic}}, 9)
	if err := trainer.Set("path.weight", 0.5); err != nil {
		log.Fatal(err)
	}
	fmt.Println(last.Step, last.Value("path length") > 0, trainer.Settings()["path.weight"])
	// Output: 9 true 0.5
}
