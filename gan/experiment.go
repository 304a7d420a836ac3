package gan

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
)

// Network is a GoMLX graph function that creates or finds its weights in scope. As a generator it maps latents
// [batch, latent] float32 to images [batch, height, width, channels] in [-1, 1]; as a critic it maps images to logits
// [batch, 1].
type Network = func(scope *model.Scope, x *graph.Node) *graph.Node

// ClassNetwork is a Network that also sees the class of each sample. labels: [batch] int32, 0 to classes-1.
type ClassNetwork = func(scope *model.Scope, x, labels *graph.Node) *graph.Node

// Augmentation changes the images that the critic sees, real and fake alike, so that gradients flow through it (Zhao et
// al., "Differentiable augmentation for data-efficient GAN training", 2020, arXiv:2006.10738). Implementations are
// comparable values.
type Augmentation interface {
	// Apply returns images of the same shape. strength is a scalar in [0, 1], the probability of each change.
	Apply(images, strength *graph.Node, random loss.Random) *graph.Node

	// String names the augmentation, as kept in checkpoints.
	String() string
}

// Adaptation moves the strength of an Augmentation while a run trains (Karras et al., "Training generative adversarial
// networks with limited data", 2020, arXiv:2006.06676). Implementations are comparable values.
type Adaptation interface {
	// Next returns the next strength, which is held in [0, 1]. meanSign is E[sign(D(x))] over the step's real images, and
	// images their number.
	Next(strength, meanSign float64, images int) float64

	// String names the adaptation, as kept in checkpoints.
	String() string
}

// Experiment describes what is trained and how. The zero value of every optional field is the documented default.
type Experiment struct {
	Name string   // recipe or run name, kept in checkpoints; required
	Data data.Set // required

	Generator Network // required, or ClassGenerator
	Critic    Network // required, or ClassCritic
	Latent    int     // components of z, drawn from N(0,1); default 100

	// A class-conditional GAN (Mirza and Osindero, 2014, arXiv:1411.1784) has ClassGenerator and, unless its critic names
	// the class itself, ClassCritic. Fakes are made for the classes of the step's real batch. A critic that returns
	// [batch, 1+Classes] is an auxiliary classifier (AC-GAN, Odena et al., 2016, arXiv:1610.09585): the cross-entropy of
	// its class logits, real and fake, joins both objectives, with the factor Auxiliary.
	ClassGenerator ClassNetwork
	ClassCritic    ClassNetwork
	Classes        int     // labels are below this; default 0, which means as many as the data set has
	Auxiliary      float64 // default 1

	Loss         loss.Loss      // default loss.NonSaturating
	Penalties    []loss.Penalty // added to the critic's objective; default none
	PenaltyEvery int            // steps from one with penalties, then that many times heavier, to the next; default 1
	LabelNoise   float64        // probability that a pair of real and fake changes sides for the critic; default 0

	Augment         Augmentation // of what the critic sees; default nil, none
	AugmentStrength float64      // its strength at the start, in [0, 1]; default 1, or 0 with Adapt
	Adapt           Adaptation   // moves the strength; default nil, it stays

	Order       Order   // default Alternating
	CriticSteps int     // critic updates per step, each on its own real batch; default 1
	Unroll      int     // critic updates the generator looks ahead (Metz et al., 2016, arXiv:1611.02163); default 0
	Accumulate  int     // parts a batch is cut into, one after the other, whose gradients are averaged; default 1
	Pack        int     // images the critic judges at once (PacGAN, arXiv:1712.04086); default 1, which is no packing
	ClipWeights float64 // clips the critic's weights to [-c, c] after each update (arXiv:1701.07875); default 0, off

	GeneratorAdam Adam // see Adam for the defaults
	CriticAdam    Adam

	// EMA is the decay per step of an exponential moving average of the generator's weights, which samples are then drawn
	// with (Yazıcı et al., "The unusual effectiveness of averaging in GAN training", 2018, arXiv:1806.04498). It begins at
	// (1+t)/(10+t), so that early samples are not those of step 0. Default 0, off; 0.999 is usual.
	EMA float64

	BFloat16 bool    // networks compute in bfloat16, with float32 weights and losses; default false
	Privacy  Privacy // private critic updates; default off

	BatchSize int   // real images per critic update; default 64
	Seed      int64 // of weights, latents and batches; every value is as good as another, 0 too
}

// Order says how one step updates the two networks.
type Order uint8

const (
	// Alternating updates the critic on a real and a fake batch together, then the generator, with fresh latents,
	// against the updated critic.
	Alternating Order = iota

	// AlternatingHalves is the article's first loop (Keras' train_on_batch): the critic is updated on the real half,
	// then on the fake half, then the generator as in Alternating. The reported critic loss is the mean of the two
	// halves. The loss must be a loss.Halves.
	AlternatingHalves

	// Simultaneous is the article's second loop (its two gradient tapes): both gradients are taken at the same
	// weights on the same fake batch, then both networks are updated.
	Simultaneous
)

// String returns the order's name, as kept in checkpoints.
func (o Order) String() string {
	switch o {
	case Alternating:
		return "alternating"
	case AlternatingHalves:
		return "alternating halves"
	case Simultaneous:
		return "simultaneous"
	}
	return fmt.Sprintf("Order(%d)", o)
}

// withDefaults returns a copy with every unset optional field at its default.
func (e Experiment) withDefaults() Experiment {
	e.Latent = orDefault(e.Latent, 100)
	e.Auxiliary = orDefault(e.Auxiliary, 1)
	e.PenaltyEvery = orDefault(e.PenaltyEvery, 1)
	e.CriticSteps = orDefault(e.CriticSteps, 1)
	e.Accumulate = orDefault(e.Accumulate, 1)
	e.Pack = orDefault(e.Pack, 1)
	e.BatchSize = orDefault(e.BatchSize, 64)
	if e.Loss == nil {
		e.Loss = loss.NonSaturating
	}
	if e.Augment != nil && e.Adapt == nil {
		e.AugmentStrength = orDefault(e.AugmentStrength, 1)
	}
	e.GeneratorAdam, e.CriticAdam = e.GeneratorAdam.withDefaults(), e.CriticAdam.withDefaults()
	return e
}

func orDefault[T int | float64](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}

const (
	mostLatent   = 1 << 20
	mostUnrolled = 100
)

// validate reports what makes an experiment (with its defaults filled in) impossible to run.
func (e Experiment) validate() error {
	wrong := func(format string, values ...any) error {
		return fmt.Errorf("experiment %q: "+format, append([]any{e.Name}, values...)...)
	}
	_, separable := e.Loss.(loss.Halves)
	conditional := e.ClassGenerator != nil || e.ClassCritic != nil
	switch {
	case e.Name == "":
		return errors.New("experiment has no Name")
	case e.Data.Load == nil:
		return fmt.Errorf("experiment %q has no Data", e.Name)
	case (e.Generator == nil) == (e.ClassGenerator == nil) || (e.Critic == nil) == (e.ClassCritic == nil):
		return fmt.Errorf("experiment %q needs a Generator and a Critic, or ClassGenerator and ClassCritic in their place", e.Name)
	case e.Latent > mostLatent || e.Unroll > mostUnrolled:
		return wrong("Latent %d and Unroll %d: at most %d components of z, and %d updates to look ahead, each a copy of the critic",
			e.Latent, e.Unroll, mostLatent, mostUnrolled)
	case e.Latent < 0 || e.BatchSize < 0 || e.CriticSteps < 0 || e.Pack < 0:
		return wrong("Latent %d, BatchSize %d, CriticSteps %d and Pack %d must be positive",
			e.Latent, e.BatchSize, e.CriticSteps, e.Pack)
	case e.PenaltyEvery < 0 || e.Accumulate < 0 || e.Unroll < 0 || e.Classes < 0:
		return wrong("PenaltyEvery %d, Accumulate %d, Unroll %d and Classes %d must not be negative",
			e.PenaltyEvery, e.Accumulate, e.Unroll, e.Classes)
	case e.Pack > e.BatchSize || e.Accumulate > e.BatchSize || e.BatchSize%(e.Pack*e.Accumulate) != 0:
		return wrong("BatchSize %d is no multiple of Pack %d times Accumulate %d", e.BatchSize, e.Pack, e.Accumulate)
	case conditional && e.Pack > 1:
		return wrong("Pack %d joins images of different classes; leave Pack at 1 in a conditional experiment", e.Pack)
	case !(e.ClipWeights >= 0) || math.IsInf(e.ClipWeights, 0):
		return wrong("ClipWeights %g must not be negative", e.ClipWeights)
	case !(e.LabelNoise >= 0 && e.LabelNoise < 0.5):
		return wrong("LabelNoise %g must lie in [0, 0.5)", e.LabelNoise)
	case !(e.EMA >= 0 && e.EMA < 1):
		return wrong("EMA %g must lie in [0, 1)", e.EMA)
	case !(e.Auxiliary >= 0) || math.IsInf(e.Auxiliary, 0):
		return wrong("Auxiliary %g must not be negative", e.Auxiliary)
	case !(e.AugmentStrength >= 0 && e.AugmentStrength <= 1):
		return wrong("AugmentStrength %g must lie in [0, 1]", e.AugmentStrength)
	case e.Augment == nil && (e.Adapt != nil || e.AugmentStrength > 0):
		return wrong("AugmentStrength and Adapt need an Augment")
	case e.Order > Simultaneous:
		return wrong("unknown %v", e.Order)
	case e.Order == AlternatingHalves && !separable:
		return wrong("loss %v has no real and fake halves; use Alternating", e.Loss)
	case e.Order == AlternatingHalves && (len(e.Penalties) > 0 || e.LabelNoise > 0 || e.Privacy.on()):
		return wrong("penalties, label noise and privacy need both halves at once; use Alternating")
	case e.Order != Alternating && (e.Accumulate > 1 || e.Unroll > 0 || e.Privacy.on()):
		return wrong("Accumulate, Unroll and Privacy need the order Alternating")
	case e.Privacy.on() && e.Unroll > 0:
		return wrong("looking ahead (Unroll %d), the generator would be differentiated through critic updates on real images without "+
			"noise: leave out Unroll, or Privacy", e.Unroll)
	case e.Privacy.on() && (e.Accumulate > 1 || len(e.Penalties) > 0 || e.Pack > 1 || e.LabelNoise > 0 || e.Augment != nil ||
		conditional || !separable):
		return wrong("Privacy bounds what one image can do, so it goes with a loss of separate halves, without penalties, " +
			"packing, classes, augmentation, label noise and Accumulate")
	}
	parts := []any{e.Loss, e.Augment, e.Adapt, e.GeneratorAdam.Schedule, e.CriticAdam.Schedule}
	for _, p := range e.Penalties {
		parts = append(parts, p)
	}
	for _, part := range parts { // some have settings of their own
		if checked, ok := part.(interface{ Check() error }); ok {
			if err := checked.Check(); err != nil {
				return wrong("%w", err)
			}
		}
	}
	for _, p := range e.Penalties {
		if w := p.Weight(); !(w >= 0) || math.IsInf(w, 0) {
			return wrong("penalty %v: its weight must be finite and not negative", p)
		}
	}
	return errors.Join(e.GeneratorAdam.validate("GeneratorAdam"), e.CriticAdam.validate("CriticAdam"), e.Privacy.validate())
}

// generate calls the generator, with labels if it is conditional.
func (e Experiment) generate(scope *model.Scope, z, labels *graph.Node) *graph.Node {
	z = e.compute(z)
	if e.ClassGenerator != nil {
		return graph.ConvertDType(e.ClassGenerator(scope, z, labels), dtypeOfLosses)
	}
	return graph.ConvertDType(e.Generator(scope, z), dtypeOfLosses)
}

// augment calls the augmentation.
func (e Experiment) augment(images, strength *graph.Node, random loss.Random) *graph.Node {
	altered := e.Augment.Apply(images, strength, random)
	if !altered.Shape().Equal(images.Shape()) {
		panic(fmt.Errorf("the augmentation %v makes %s of images %s, want the same shape", e.Augment, altered.Shape(), images.Shape()))
	}
	return altered
}

// judge calls the critic, with labels if it is conditional.
func (e Experiment) judge(scope *model.Scope, images, labels *graph.Node) *graph.Node {
	images = e.compute(images)
	if e.ClassCritic != nil {
		return graph.ConvertDType(e.ClassCritic(scope, images, labels), dtypeOfLosses)
	}
	return graph.ConvertDType(e.Critic(scope, images), dtypeOfLosses)
}

// settings lists what a checkpoint must share with the experiment that resumes from it.
func (e Experiment) settings() map[string]string {
	text := func(value any) string { return fmt.Sprint(value) }
	var penalties []string
	for _, p := range e.Penalties {
		penalties = append(penalties, p.String())
	}
	return map[string]string{
		"experiment": e.Name, "data": e.Data.Name, "latent": text(e.Latent), "loss": text(e.Loss),
		"penalties": strings.Join(penalties, ", "), "penalty interval": text(e.PenaltyEvery),
		"label noise": text(e.LabelNoise), "auxiliary weight": text(e.Auxiliary),
		"augmentation": text(e.Augment), "augmentation strength": text(e.AugmentStrength), "adaptation": text(e.Adapt),
		"order": text(e.Order), "critic steps": text(e.CriticSteps), "unrolled steps": text(e.Unroll),
		"accumulated parts": text(e.Accumulate), "pack": text(e.Pack),
		"weight clipping": text(e.ClipWeights), "generator optimizer": text(e.GeneratorAdam),
		"critic optimizer": text(e.CriticAdam), "generator average": text(e.EMA), "bfloat16": text(e.BFloat16),
		"privacy": text(e.Privacy), "batch size": text(e.BatchSize), "seed": text(e.Seed),
	}
}
