// Package translate trains networks from images to images: to take noise away, fill in what is missing, or double the
// size.
//
// An [Experiment] names a data set of good images and a [Degradation] of them; the network learns the way back from the
// pairs. Two terms teach it: the mean absolute difference from the good image, which alone gives blurred images, the mean
// of all that fit, and a critic that sees the damaged image and its restoration side by side, and tells good images from
// restored ones (pix2pix):
//
//	L_N = L_G(D(x, N(x))) + λ·mean |N(x) - y|,    L_D as for any GAN with D(x, y) real and D(x, N(x)) fake
//
// Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial networks", 2017, arXiv:1611.07004.
//
// gan/latent does the same work with a generator that is already trained and never saw a damaged image.
package translate

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
	"gantry.local/gan/sample"
	"gantry.local/gan/setting"
)

// NetworkName is the name of the network that is trained, for train.Trainer.Apply. The critic's is method.CriticName.
const NetworkName = "network"

// Names of the numbers that a step reports, beside method.CriticLoss.
const (
	NetworkLoss = "network loss" // both terms
	Difference  = "l1"           // mean |N(x) - y| of the step's batch
)

// Experiment describes what is trained. It is a method.Description: train.New trains it, with checkpoints, averages and all else.
// The zero value of every optional field is the documented default.
type Experiment struct {
	Name    string      // kept in checkpoints; default "translate" and the degradation's name
	Data    data.Set    // good images; required
	Degrade Degradation // required

	// Network maps damaged images to good ones, [batch, height, width, channels]; required. net.Restorer and
	// net.SuperResolver are two.
	Network gan.Network

	// Critic maps a damaged and a good image, joined along the channels, to a logit: [batch, height, width, 2·channels] to
	// [batch, 1]. Default nil: no critic, the absolute difference alone.
	Critic gan.Network

	Loss     loss.Loss // of the critic's game; default loss.NonSaturating
	L1Weight float64   // λ, a setting called "l1.weight"; default 100

	NetworkOptimizer optim.Optimizer // default optim.NewAdam(2e-4, 0.5, 0.999)
	CriticOptimizer  optim.Optimizer // likewise
	EMA              float64         // decay of an average of the network's weights, which Apply then uses; default 0, off

	BatchSize int   // default 16
	Seed      int64 // of weights, batches and damage
}

func (e Experiment) withDefaults() Experiment {
	if e.Name == "" && e.Degrade != nil {
		e.Name = "translate " + e.Degrade.String()
	}
	if e.Loss == nil {
		e.Loss = loss.NonSaturating
	}
	if e.L1Weight == 0 {
		e.L1Weight = 100
	}
	for _, o := range []*optim.Optimizer{&e.NetworkOptimizer, &e.CriticOptimizer} {
		if *o == nil {
			*o = optim.NewAdam(2e-4, 0.5, 0.999)
		}
	}
	if e.BatchSize == 0 {
		e.BatchSize = 16
	}
	return e
}

func (e Experiment) validate() error {
	switch {
	case e.Data.Load == nil:
		return errors.New("translation has no Data")
	case e.Degrade == nil || e.Network == nil:
		return errors.New("translation needs a Degrade and a Network")
	case e.BatchSize < 0 || !(e.L1Weight > 0) || math.IsInf(e.L1Weight, 0):
		return fmt.Errorf("translation: BatchSize %d and L1Weight %g must be positive", e.BatchSize, e.L1Weight)
	}
	return nil
}

// Game returns the game that the experiment describes: the critic's turn, where there is a critic, then the network's on the same
// damaged batch.
func (e Experiment) Game() (method.Game, error) {
	e = e.withDefaults()
	if err := e.validate(); err != nil {
		return method.Game{}, err
	}
	game := method.Game{
		Name: e.Name, Data: []data.Set{e.Data}, BatchSize: e.BatchSize, Seed: e.Seed,
		Networks: []method.Network{method.Of(NetworkName, e.Network)},
		Settings: []setting.Setting{setting.NonNegative(weightSetting, e.L1Weight)},
	}
	if e.EMA > 0 {
		game.Averages = []method.Average{{Network: NetworkName, Decay: e.EMA}}
	}
	game.Networks[0].Shows = func(p *method.Play, images *Node) (before, after *Node) {
		damaged := e.Degrade.Apply(images, p.Random())
		after = p.NetAveraged(NetworkName, damaged)
		return enlarged(damaged, after), after
	}
	var phases []method.Phase
	if e.Critic != nil {
		game.Networks = append(game.Networks, method.Of(method.CriticName, e.Critic))
		phases = append(phases, method.Phase{Moves: []string{method.CriticName}, Objective: e.criticObjective, Optimizer: e.CriticOptimizer})
	}
	phases = append(phases, method.Phase{Moves: []string{NetworkName}, Objective: e.networkObjective, Optimizer: e.NetworkOptimizer})
	game.Turns = []method.Turn{{Phases: phases}}
	return game.Game()
}

// With implements method.Chosen.
func (e Experiment) With(c method.Choice) (method.Description, error) {
	set, err := c.One(e.withDefaults().Name, e.Data)
	e.Data, e.BatchSize, e.Seed = set, cmp.Or(c.BatchSize, e.BatchSize), c.Seed
	return e, err
}

const weightSetting = "l1.weight"

// pair is what a turn looks at: the good batch, what the degradation makes of it, and how the network restores that.
type pair struct{ good, damaged, restored *Node }

// pair makes the turn's, once for both phases.
func (e Experiment) pair(p *method.Play) pair {
	good := p.Real().Images
	damaged := p.Shared("damaged", func() *Node { return e.Degrade.Apply(good, p.Random()) })
	restored := p.Shared("restored", func() *Node { return p.Net(NetworkName, damaged) })
	if !restored.Shape().Equal(good.Shape()) {
		panic(fmt.Errorf("the network makes %s of damaged images %s, want %s", restored.Shape(), damaged.Shape(), good.Shape()))
	}
	return pair{good, damaged, restored}
}

// criticObjective is the loss of a critic that sees damaged images beside good and restored ones.
func (e Experiment) criticObjective(p *method.Play) *Node {
	of := e.pair(p)
	objective := e.Loss.Critic(judge(p, of.damaged, of.good), judge(p, of.damaged, StopGradient(of.restored)))
	p.Report(method.CriticLoss, objective)
	return objective
}

// networkObjective is the weighted difference from the good images and, with a critic, the loss against it.
func (e Experiment) networkObjective(p *method.Play) *Node {
	of := e.pair(p)
	difference := ReduceAllMean(Abs(Sub(of.restored, of.good)))
	objective := Mul(difference, p.Setting(weightSetting))
	if e.Critic != nil {
		var goodLogits *Node // only a loss whose halves do not separate compares restored with good images here
		if _, separable := e.Loss.(loss.Halves); !separable {
			goodLogits = judge(p, of.damaged, of.good)
		}
		objective = Add(objective, e.Loss.Generator(goodLogits, judge(p, of.damaged, of.restored)))
	}
	p.Report(NetworkLoss, objective)
	p.Report(Difference, difference)
	return objective
}

// judge is the critic's logit of a damaged image with a good or restored one.
func judge(p *method.Play, damaged, image *Node) *Node {
	return p.Net(method.CriticName, Concatenate([]*Node{enlarged(damaged, image), image}, -1))
}

// enlarged is a smaller image in the size of another, its pixels repeated.
func enlarged(small, image *Node) *Node {
	d, s := image.Shape().Dimensions, small.Shape().Dimensions
	if d[1]%s[1] != 0 || d[2]%s[2] != 0 {
		panic(fmt.Errorf("images of %d×%d are no multiple of the damaged ones of %d×%d", d[1], d[2], s[1], s[2]))
	}
	rows, columns := d[1]/s[1], d[2]/s[2]
	if rows == 1 && columns == 1 {
		return small
	}
	small = Reshape(small, s[0], s[1], 1, s[2], 1, s[3])
	small = BroadcastToShape(small, shapes.Make(image.DType(), s[0], s[1], rows, s[2], columns, s[3]))
	return Reshape(small, s[0], d[1], d[2], s[3])
}

// Damage damages good images by a degradation. Random damage follows from the seed.
func Damage(backend compute.Backend, by Degradation, good sample.Images, seed int64) (sample.Images, error) {
	good = good.Seen()
	if good.N < 1 || len(good.Values) != good.N*good.Size() {
		return sample.Images{}, fmt.Errorf("damaging: %d values are no %d images of %d×%d×%d", len(good.Values), good.N, good.Height,
			good.Width, good.Channels)
	}
	exec, err := NewExec(backend, func(x, state *Node) *Node { return by.Apply(x, method.NewRandom(state)) })
	if err != nil {
		return sample.Images{}, fmt.Errorf("damaging: %w", err)
	}
	defer exec.Finalize()
	out, err := exec.Call1(tensors.FromFlatDataAndDimensions(good.Values, good.N, good.Height, good.Width, good.Channels),
		method.RandomState(seed, 0, 0))
	if err != nil {
		return sample.Images{}, fmt.Errorf("damaging: %w", err)
	}
	defer out.MustFinalizeAll()
	values, err := tensors.CopyFlatData[float32](out)
	d := out.Shape().Dimensions
	return sample.Images{Values: values, N: d[0], Height: d[1], Width: d[2], Channels: d[3]}, err
}
