package gan

import (
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan/data"
	"gantry.local/gan/loss"
)

// Network is a GoMLX graph function that creates or finds its weights in scope. As a generator it maps latents
// [batch, latent] float32 to images [batch, height, width, channels] in [-1, 1]; as a critic it maps images to logits
// [batch, 1].
type Network = func(scope *model.Scope, x *graph.Node) *graph.Node

// Experiment describes what is trained and how. The zero value of every optional field is the documented default.
type Experiment struct {
	Name string   // recipe or run name, kept in checkpoints; required
	Data data.Set // required

	Generator Network // required
	Critic    Network // required
	Latent    int     // components of z, drawn from N(0,1); default 100

	Loss        loss.Loss // default loss.NonSaturating
	Order       Order     // default Alternating
	CriticSteps int       // critic updates per step, each on its own real batch; default 1
	Pack        int       // images the critic judges at once (PacGAN, arXiv:1712.04086); default 1, which is no packing
	ClipWeights float64   // clips the critic's weights to [-c, c] after each update (arXiv:1701.07875); default 0, off

	GeneratorAdam Adam // see Adam for the defaults
	CriticAdam    Adam

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
	e.CriticSteps = orDefault(e.CriticSteps, 1)
	e.Pack = orDefault(e.Pack, 1)
	e.BatchSize = orDefault(e.BatchSize, 64)
	if e.Loss == nil {
		e.Loss = loss.NonSaturating
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

// validate reports what makes an experiment (with its defaults filled in) impossible to run.
func (e Experiment) validate() error {
	_, separable := e.Loss.(loss.Halves)
	switch {
	case e.Name == "":
		return errors.New("experiment has no Name")
	case e.Data.Load == nil:
		return fmt.Errorf("experiment %q has no Data", e.Name)
	case e.Generator == nil || e.Critic == nil:
		return fmt.Errorf("experiment %q needs a Generator and a Critic", e.Name)
	case e.Latent < 0 || e.BatchSize < 0 || e.CriticSteps < 0 || e.Pack < 0:
		return fmt.Errorf("experiment %q: Latent %d, BatchSize %d, CriticSteps %d and Pack %d must be positive",
			e.Name, e.Latent, e.BatchSize, e.CriticSteps, e.Pack)
	case e.BatchSize%e.Pack != 0:
		return fmt.Errorf("experiment %q: BatchSize %d is no multiple of Pack %d", e.Name, e.BatchSize, e.Pack)
	case e.ClipWeights < 0:
		return fmt.Errorf("experiment %q: ClipWeights %g must not be negative", e.Name, e.ClipWeights)
	case e.Order > Simultaneous:
		return fmt.Errorf("experiment %q: unknown %v", e.Name, e.Order)
	case e.Order == AlternatingHalves && !separable:
		return fmt.Errorf("experiment %q: loss %v has no real and fake halves; use Alternating", e.Name, e.Loss)
	}
	return errors.Join(e.GeneratorAdam.validate("GeneratorAdam"), e.CriticAdam.validate("CriticAdam"))
}

// settings lists what a checkpoint must share with the experiment that resumes from it.
func (e Experiment) settings() map[string]string {
	text := func(value any) string { return fmt.Sprint(value) }
	return map[string]string{
		"experiment": e.Name, "data": e.Data.Name, "latent": text(e.Latent), "loss": text(e.Loss),
		"order": text(e.Order), "critic steps": text(e.CriticSteps), "pack": text(e.Pack),
		"weight clipping": text(e.ClipWeights), "generator optimizer": text(e.GeneratorAdam),
		"critic optimizer": text(e.CriticAdam), "batch size": text(e.BatchSize), "seed": text(e.Seed),
	}
}
