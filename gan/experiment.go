package gan

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
)

// Network is a GoMLX graph function that creates or finds its weights in scope. As a generator it maps latents
// [batch, latent] float32 to images [batch, height, width, channels] in [-1, 1]; as a critic it maps images to logits
// [batch, 1].
type Network = func(scope *model.Scope, x *graph.Node) *graph.Node

// ClassNetwork is a Network that also sees the class of each sample. labels: [batch] int32, 0 to classes-1.
type ClassNetwork = func(scope *model.Scope, x, labels *graph.Node) *graph.Node

// Experiment describes the usual game of two networks: what is trained and how. The zero value of every optional field is the
// documented default. Games of other networks are a method.Game.
type Experiment struct {
	Name string   // recipe or run name, kept in checkpoints; required
	Data data.Set // required

	Generator Network // required, or View.ClassGenerator
	Critic    Network // required, or View.ClassCritic
	Latent    int     // components of z, drawn from N(0,1); default 100
	View      View    // what the networks see beside latents and images

	Loss      loss.Loss      // default loss.NonSaturating
	Penalties []loss.Penalty // added to the critic's objective; default none

	Method     method.Method // the turns of a step; default method.Alternating{}
	Optimizers Optimizers    // how weights move

	BatchSize int   // real images per critic update; default 64
	Seed      int64 // of weights, latents and batches; every value is as good as another, 0 too
}

// View is what the networks see beside latents and images, and how the critic sees these.
//
// A class-conditional GAN (Mirza and Osindero, 2014, arXiv:1411.1784) has ClassGenerator and, unless its critic names
// the class itself, ClassCritic, in the place of Experiment.Generator and Critic. Fakes are made for the classes of the step's
// real batch. A critic that returns [batch, 1+Classes] is an auxiliary classifier (AC-GAN, Odena et al., 2016,
// arXiv:1610.09585): the cross-entropy of its class logits, real and fake, joins both objectives, with the factor Auxiliary.
type View struct {
	ClassGenerator ClassNetwork
	ClassCritic    ClassNetwork
	Classes        int      // labels are below this; default 0, which means as many as the data set has
	Auxiliary      *float64 // default nil, which means 1

	Augment         method.Augmentation // of what the critic sees; default nil, none
	AugmentStrength *float64            // its strength at the start, in [0, 1]; default nil, which means 1, or 0 with Adapt
	Adapt           method.Adaptation   // moves the strength; default nil, it stays

	Pack int // images the critic judges at once (PacGAN, arXiv:1712.04086); default 1, which is no packing
}

// Optimizers is how weights move.
type Optimizers struct {
	Generator optim.Optimizer // default optim.NewAdam(1e-3, 0.9, 0.999)
	Critic    optim.Optimizer // likewise

	ClipWeights float64 // clips the critic's weights to [-c, c] after each update (arXiv:1701.07875); default 0, off

	// EMA is the decay per step of an exponential moving average of the generator's weights, which samples are then drawn
	// with (Yazıcı et al., "The unusual effectiveness of averaging in GAN training", 2018, arXiv:1806.04498). It begins at
	// (1+t)/(10+t), so that early samples are not those of step 0. Default 0, off; 0.999 is usual.
	EMA float64

	BFloat16 bool // networks compute in bfloat16, with float32 weights and losses; default false
}

// Both is Optimizers that move both networks by the same rule.
func Both(o optim.Optimizer) Optimizers { return Optimizers{Generator: o, Critic: o} }

// WithDefaults returns a copy with every unset optional field at its default.
func (e Experiment) WithDefaults() Experiment {
	e.Latent = cmp.Or(e.Latent, 100)
	e.BatchSize = cmp.Or(e.BatchSize, 64)
	e.View.Pack = cmp.Or(e.View.Pack, 1)
	if e.View.Auxiliary == nil {
		e.View.Auxiliary = new(1.0)
	}
	if e.View.AugmentStrength == nil {
		e.View.AugmentStrength = new(0.0)
		if e.View.Augment != nil && e.View.Adapt == nil {
			*e.View.AugmentStrength = 1
		}
	}
	if e.Loss == nil {
		e.Loss = loss.NonSaturating
	}
	if e.Method == nil {
		e.Method = method.Alternating{}
	}
	for _, o := range []*optim.Optimizer{&e.Optimizers.Generator, &e.Optimizers.Critic} {
		if *o == nil {
			*o = optim.NewAdam(1e-3, 0.9, 0.999)
		}
	}
	return e
}

// check reports what of an experiment (with its defaults filled in) no game can be made of; what a game or a method asks for, they
// check themselves.
func (e Experiment) check() error {
	switch v := e.View; {
	case e.Name == "":
		return errors.New("it has no Name")
	case e.Data.Load == nil:
		return errors.New("it has no Data")
	case (e.Generator == nil) == (v.ClassGenerator == nil) || (e.Critic == nil) == (v.ClassCritic == nil):
		return errors.New("it needs a Generator and a Critic, or View.ClassGenerator and View.ClassCritic in their place")
	case e.Latent < 0 || e.Latent > method.MostLatent || e.BatchSize < 0 || v.Pack < 0 || v.Classes < 0:
		return fmt.Errorf("Latent %d, BatchSize %d, Pack %d and Classes %d must be positive, and Latent at most %d",
			e.Latent, e.BatchSize, v.Pack, v.Classes, method.MostLatent)
	case v.Pack > e.BatchSize || e.BatchSize%v.Pack != 0:
		return fmt.Errorf("BatchSize %d is no multiple of Pack %d: the critic judges %d images at once, so want a multiple of %d", e.BatchSize, v.Pack, v.Pack, v.Pack)
	case e.conditional() && v.Pack > 1:
		return fmt.Errorf("Pack %d joins images of different classes; leave Pack at 1 in a conditional experiment", v.Pack)
	case !(e.Optimizers.ClipWeights >= 0) || math.IsInf(e.Optimizers.ClipWeights, 0):
		return fmt.Errorf("ClipWeights %g must not be negative", e.Optimizers.ClipWeights)
	case !(e.Optimizers.EMA >= 0 && e.Optimizers.EMA < 1):
		return fmt.Errorf("EMA %g must lie in [0, 1)", e.Optimizers.EMA)
	case !(*v.Auxiliary >= 0) || math.IsInf(*v.Auxiliary, 0):
		return fmt.Errorf("Auxiliary %g must not be negative", *v.Auxiliary)
	case !(*v.AugmentStrength >= 0 && *v.AugmentStrength <= 1):
		return fmt.Errorf("AugmentStrength %g must lie in [0, 1]", *v.AugmentStrength)
	case v.Augment == nil && (v.Adapt != nil || *v.AugmentStrength > 0):
		return errors.New("AugmentStrength and Adapt need an Augment")
	}
	parts := []any{e.Loss, e.View.Augment, e.View.Adapt}
	for _, p := range e.Penalties {
		parts = append(parts, p)
	}
	for _, part := range parts { // some have settings of their own
		if checked, ok := part.(interface{ Check() error }); ok {
			if err := checked.Check(); err != nil {
				return err
			}
		}
	}
	return errors.Join(inField("Optimizers.Generator", e.Optimizers.Generator.Check()), inField("Optimizers.Critic", e.Optimizers.Critic.Check()))
}

func inField(field string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", field, err)
	}
	return err
}

func (e Experiment) conditional() bool {
	return e.View.ClassGenerator != nil || e.View.ClassCritic != nil
}

// settings lists what a checkpoint must share with the experiment that resumes from it. The names are those of the first
// version.
func (e Experiment) settings() map[string]string {
	text := func(value any) string { return fmt.Sprint(value) }
	var penalties []string
	for _, p := range e.Penalties {
		penalties = append(penalties, p.String())
	}
	all := e.Method.Identity()
	for name, value := range map[string]string{
		"experiment": e.Name, "data": e.Data.Name, "latent": text(e.Latent), "loss": text(e.Loss),
		"penalties": strings.Join(penalties, ", "), "auxiliary weight": text(*e.View.Auxiliary),
		"augmentation": text(e.View.Augment), "augmentation strength": text(*e.View.AugmentStrength), "adaptation": text(e.View.Adapt),
		"pack": text(e.View.Pack), "weight clipping": text(e.Optimizers.ClipWeights), "generator optimizer": text(e.Optimizers.Generator),
		"critic optimizer": text(e.Optimizers.Critic), "generator average": text(e.Optimizers.EMA), "bfloat16": text(e.Optimizers.BFloat16),
		"batch size": text(e.BatchSize), "seed": text(e.Seed),
	} {
		all[name] = value
	}
	return all
}
