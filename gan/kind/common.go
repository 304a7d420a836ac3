package kind

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
)

// Network is a GoMLX graph function that creates or finds its weights in scope.
type Network = func(scope *model.Scope, x *graph.Node) *graph.Node

// Common is what all kinds have. The zero value of every optional field is the documented default.
type Common struct {
	Name string   // kept in checkpoints; required
	Data data.Set // required

	Latent    int             // components of z, drawn from N(0,1); default 100
	Optimizer optim.Optimizer // of all networks; default optim.NewAdam(2e-4, 0.5, 0.999)
	EMA       float64         // decay of an average of the generator's weights, which samples are drawn with; default 0, off

	BatchSize int   // default 64
	Seed      int64 // of weights, latents and batches
}

func (c Common) withDefaults() Common {
	c.Latent, c.BatchSize = cmp.Or(c.Latent, 100), cmp.Or(c.BatchSize, 64)
	if c.Optimizer == nil {
		c.Optimizer = optim.NewAdam(2e-4, 0.5, 0.999)
	}
	return c
}

// with is what method.Chosen chooses, for a kind of one data set.
func (c Common) with(choice method.Choice) (Common, error) {
	set, err := choice.One(c.Name, c.Data)
	c.Data, c.BatchSize, c.Seed = set, cmp.Or(choice.BatchSize, c.BatchSize), choice.Seed
	return c, err
}

// network is one that a kind asks for, under the name of its field.
type network struct {
	field, name string
	build       Network
}

// game is the kind's game without turns, or what it lacks.
func (c Common) game(networks ...network) (method.Game, error) {
	game := method.Game{Name: c.Name, Data: []data.Set{c.Data}, BatchSize: c.BatchSize, Seed: c.Seed}
	if c.Name == "" {
		return game, errors.New("a kind of GAN has no Name")
	}
	if !(c.EMA >= 0 && c.EMA < 1) {
		return game, fmt.Errorf("%q: EMA %g must lie in [0, 1)", c.Name, c.EMA)
	}
	for _, n := range networks {
		if n.build == nil {
			return game, fmt.Errorf("%q needs a network %s", c.Name, n.field)
		}
		game.Networks = append(game.Networks, method.Of(n.name, n.build))
		if n.name == method.GeneratorName {
			game.Sampler = method.Sampler{Network: n.name, Latent: c.Latent}
			if c.EMA > 0 {
				game.Averages = []method.Average{{Network: n.name, Decay: c.EMA}}
			}
		}
	}
	return game, nil
}

// moves is a phase of the common optimizer.
func (c Common) moves(objective method.Objective, networks ...string) method.Phase {
	return method.Phase{Moves: networks, Objective: objective, Optimizer: c.Optimizer}
}

// EncoderName is the name of the network that maps images to latents.
const EncoderName = "encoder"

// generatorLoss is a loss against a critic, of images that a network made to pass for those of data set number `set`.
func generatorLoss(p *method.Play, of loss.Loss, critic string, set int, fake *graph.Node) *graph.Node {
	var real *graph.Node // only a loss whose halves do not separate compares fake with real here
	if _, separable := of.(loss.Halves); !separable {
		real = p.Net(critic, p.Beside(set).Images)
	}
	return of.Generator(real, p.Net(critic, fake))
}
