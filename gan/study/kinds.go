package study

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/core/tensors"

	"gantry.local/gan/data"
	"gantry.local/gan/kind"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// shownKind is a kind of GAN and what shows that it does what it is for.
type shownKind struct {
	recipe  string
	steps   int    // of a run, unless others are asked for
	measure string // what the numbers are
	format  string // of the numbers

	// look measures a trained game, and what there is to compare it with. picture has rows of ten.
	look func(o Options, backend compute.Backend, trainer *train.Trainer) (value, reference float64, picture sample.Images, err error)
}

// shownKinds are the recipes of kinds, cheap ones first.
func shownKinds() []shownKind {
	return []shownKind{
		{"infogan", 1200, "digits told by the code; by chance", "%.0f %%", toldByCode},
		{"vae-gan", 1200, "digits the same when decoded; by chance", "%.0f %%", sameWhenDecoded},
		{"bigan", 2000, "digits the same when decoded; by chance", "%.0f %%", sameWhenDecoded},
		{"cyclegan", 600, "|thick - translated|; |thick - thin|", "%.3f", madeThick},
	}
}

func kindNames() (names []string) {
	for _, k := range shownKinds() {
		names = append(names, k.recipe)
	}
	return names
}

// kinds trains each kind of GAN for its steps, and measures what it is for.
func kinds(ctx context.Context, o Options) (*Table, error) {
	o.Seeds = orElse(o.Seeds, 1)
	table := &Table{Title: "Kinds of GAN on MNIST",
		Columns: []string{"recipe", "steps", "value", "reference", "measure; and reference"},
		Notes: []string{fmt.Sprintf("Of %d samples or digits that no network has seen. Digits are told by %s. Mean ± standard deviation over seeds.",
			o.looked(), metric.MNIST1)}}
	for _, k := range shownKinds() {
		if !o.wants(k.recipe) {
			continue
		}
		var values, references, steps []float64
		for seed := range o.Seeds {
			err := o.withBackend(func(backend compute.Backend) error {
				of, err := recipe.Named(k.recipe)
				if err != nil {
					return err
				}
				if of, err = method.With(of, method.Choice{Seed: int64(seed)}); err != nil {
					return err
				}
				trainer, err := run(ctx, backend, of, orElse(o.Steps, k.steps), o.Limit, nil)
				if err != nil {
					return err
				}
				value, reference, picture, err := k.look(o, backend, trainer)
				if err != nil {
					return err
				}
				fmt.Fprintf(o.Log, "%s, seed %d: %d steps, %s %g, %g\n", k.recipe, seed, trainer.Step(), k.measure, value, reference)
				values, references, steps = append(values, value), append(references, reference), append(steps, float64(trainer.Step()))
				if seed > 0 {
					return nil
				}
				return o.keep(k.recipe, picture)
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.recipe, err)
			}
		}
		table.Rows = append(table.Rows, []string{k.recipe, spread(steps, "%.0f"), spread(values, k.format), spread(references, k.format), k.measure})
	}
	return table, nil
}

// looked is how many samples a kind is measured by.
func (o Options) looked() int { return orElse(o.Samples, 2000) }

// toldByCode is how many of a hundred samples show the digit that most samples of their class of the code show. The picture has a class in
// each row.
func toldByCode(o Options, backend compute.Backend, trainer *train.Trainer) (value, reference float64, picture sample.Images, err error) {
	of, is := trainer.Description().(kind.InfoGAN)
	if !is {
		return 0, 0, picture, fmt.Errorf("%T has no code", trainer.Description())
	}
	const classes, columns = 10, 10
	latent, n := of.Latent, max(o.looked()/classes, columns)
	z := train.Latents(n*classes, latent, 1)
	for i := range n * classes {
		z[i*latent+i/n] = 9 // the largest of its components
	}
	samples, err := trainer.Generate(z, nil)
	if err != nil {
		return 0, 0, picture, err
	}
	classifier, err := metric.Open(backend, metric.MNIST1)
	if err != nil {
		return 0, 0, picture, err
	}
	digits, _, err := classifier.Classes(samples)
	if err != nil {
		return 0, 0, picture, err
	}
	picture = samples.Part(0, 0)
	for class := range classes {
		counts, err := metric.Count(digits[class*n:(class+1)*n], classifier.NumClasses())
		if err != nil {
			return 0, 0, picture, err
		}
		most := 0
		for _, count := range counts {
			most = max(most, count)
		}
		value += 100 * float64(most) / float64(n*classes)
		picture.Values, picture.N = append(picture.Values, samples.Part(class*n, columns).Values...), picture.N+columns
	}
	return value, 10, picture, nil
}

// unseen are test digits.
func (o Options) unseen() (sample.Images, error) {
	images, err := data.Subset(data.MNISTTest(), o.looked(), 5).Load()
	if err != nil {
		return sample.Images{}, err
	}
	return images.Seen(), nil
}

// sameWhenDecoded is how many of a hundred test digits are still the same digit once they were encoded and decoded. The picture has rows of
// digits with what came back below.
func sameWhenDecoded(o Options, backend compute.Backend, trainer *train.Trainer) (value, reference float64, picture sample.Images, err error) {
	digits, err := o.unseen()
	if err != nil {
		return 0, 0, digits, err
	}
	latent := trainer.Game().Sampler.Latent
	out, err := trainer.Look("decoded", func(p *method.Play, inputs []*Node) *Node {
		code := p.Net(kind.EncoderName, inputs[0])
		return p.Net(method.GeneratorName, Slice(code, AxisRange(), AxisRange(0, latent))) // the mean, where there is a variance behind it
	}, digits, nil)
	if err != nil {
		return 0, 0, digits, err
	}
	back := digits
	if back.Values, err = tensors.CopyFlatData[float32](out); err != nil {
		return 0, 0, digits, err
	}
	classifier, err := metric.Open(backend, metric.MNIST1)
	if err != nil {
		return 0, 0, digits, err
	}
	before, _, err := classifier.Classes(digits)
	if err != nil {
		return 0, 0, digits, err
	}
	after, _, err := classifier.Classes(back)
	if err != nil {
		return 0, 0, digits, err
	}
	for i, digit := range after {
		if digit == before[i] {
			value += 100 / float64(len(after))
		}
	}
	return value, 10, beside(digits, back), nil
}

// madeThick is how far test digits that were translated are from what they should become, beside how far they were. The picture has rows
// of digits, of their translations, and of what these should be.
func madeThick(o Options, _ compute.Backend, trainer *train.Trainer) (value, reference float64, picture sample.Images, err error) {
	digits, err := o.unseen()
	if err != nil {
		return 0, 0, digits, err
	}
	thick, err := data.Thick(data.Subset(data.MNISTTest(), o.looked(), 5)).Load()
	if err != nil {
		return 0, 0, digits, err
	}
	translated, err := trainer.Apply(kind.ForwardName, digits)
	if err != nil {
		return 0, 0, digits, err
	}
	want := thick.Seen()
	return apart(want, translated), apart(want, digits), beside(digits, translated, want), nil
}

// apart is the mean absolute difference.
func apart(a, b sample.Images) (sum float64) {
	for i, v := range a.Values {
		sum += math.Abs(float64(v-b.Values[i])) / float64(len(a.Values))
	}
	return sum
}
