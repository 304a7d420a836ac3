package study

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// rescues are the article's pair and changes to it, each with all that is above it unless it says otherwise.
func rescues() []gan.Experiment {
	named := func(name string, exp gan.Experiment, change func(*gan.Experiment)) gan.Experiment {
		exp.Name, exp.BatchSize = name, 64
		change(&exp)
		return exp
	}
	norm := func(e *gan.Experiment) { e.Generator, e.Method = net.NormMLPGenerator, method.Alternating{} }
	packed := func(n int) func(*gan.Experiment) { return func(e *gan.Experiment) { e.View.Pack = n } }
	return []gan.Experiment{
		named("article", recipe.Article(), func(*gan.Experiment) {}),
		named("+ batch norm in G", recipe.Article(), norm),
		named("+ batch norm, R1", recipe.Article(), func(e *gan.Experiment) {
			norm(e)
			e.Penalties = []loss.Penalty{loss.R1(1)}
		}),
		named("LeakyReLU, unpacked", recipe.ArticlePacked(), packed(1)),
		named("LeakyReLU, packed 2", recipe.ArticlePacked(), packed(2)),
		named("LeakyReLU, packed 4", recipe.ArticlePacked(), packed(4)),
		named("packed 4, averaged", recipe.ArticlePacked(), func(e *gan.Experiment) { e.Optimizers.EMA = 0.999 }),
		named("packed 4, R1, averaged", recipe.ArticlePacked(), func(e *gan.Experiment) {
			e.Optimizers.EMA, e.Penalties, e.Method = 0.999, []loss.Penalty{loss.R1(0.1)}, method.Alternating{PenaltyEvery: 4}
		}),
	}
}

// rescue trains the article's pair and its rescues, and measures on each critic what a collapsed generator would learn from
// it. If all images of a batch are nearly one, an unpacked critic gives all of them the same direction: together they can
// only move on to another single image. A packed critic treats an image by its place among its neighbours, so equal images
// are pushed apart, and repetition itself is a sign of a fake.
func rescue(ctx context.Context, o Options) (*Table, error) {
	o.bounded(4 * time.Minute)
	table := o.digitsTable("The article's pair on MNIST and what rescues it")
	table.Columns = append(table.Columns, "alike", "sees repetition")
	table.Notes = append(table.Notes, "Alike: mean cosine between the directions ∂D/∂x that two images of a batch of one real image, repeated with noise of "+
		"0.01, get from the trained critic; 1 means that a collapsed batch is moved as one. Sees repetition: probability that packs of "+
		"different digits have a higher logit than packs of one digit image repeated; 0.5 is blind.")
	for _, exp := range rescues() {
		if !o.wants(exp.Name) {
			continue
		}
		err := o.withBackend(func(backend compute.Backend) error {
			trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, nil)
			if err != nil {
				return err
			}
			samples, err := trainer.Sample(o.drawn(), 1)
			if err != nil {
				return err
			}
			if err := o.keep(exp.Name, samples); err != nil {
				return err
			}
			q, err := o.judged(backend, samples)
			if err != nil {
				return err
			}
			alike, sees, err := repetition(trainer)
			if err != nil {
				return err
			}
			fmt.Fprintf(o.Log, "%s: %d steps, %+v, alike %.3f, sees repetition %.3f\n", exp.Name, trainer.Step(), q, alike, sees)
			row := append([]string{exp.Name, fmt.Sprint(trainer.Step())}, q.cells()...)
			table.Rows = append(table.Rows, append(row, fmt.Sprintf("%.2f", alike), fmt.Sprintf("%.2f", sees)))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", exp.Name, err)
		}
	}
	return table, nil
}

// repetition measures how a trained critic treats batches of one image: see rescue's table.
func repetition(trainer *train.Trainer) (alike, sees float64, err error) {
	const groups = 32
	exp, _ := gan.Of(trainer)
	pack := exp.View.Pack
	digits, err := data.Subset(data.MNIST(), 1000, 3).Load()
	if err != nil {
		return 0, 0, err
	}
	size := digits.Height * digits.Width
	images := func(n int, of func(i int) int, noise float64) sample.Images {
		random := rand.New(rand.NewPCG(1, 2))
		made := sample.Images{N: n, Height: digits.Height, Width: digits.Width, Channels: 1}
		for i := range n {
			for _, v := range digits.Floats(of(i), 1) {
				made.Values = append(made.Values, v+float32(noise*random.NormFloat64()))
			}
		}
		return made
	}
	for group := range groups {
		batch := images(4*pack, func(int) int { return group }, 0.01)
		slopes, err := gan.InputGradients(trainer, batch, nil)
		if err != nil {
			return 0, 0, err
		}
		alike += meanCosine(slopes, size) / groups
	}
	n := groups * pack
	different, err := gan.Logits(trainer, images(n, func(i int) int { return i }, 0), nil)
	if err != nil {
		return 0, 0, err
	}
	repeated, err := gan.Logits(trainer, images(n, func(i int) int { return i / pack * pack }, 0), nil)
	if err != nil {
		return 0, 0, err
	}
	if pack == 1 { // the same images: blind by construction
		return alike, 0.5, nil
	}
	health, err := metric.JudgeCritic(different, repeated, nil)
	return alike, health.Separation, err
}

// meanCosine is the mean cosine between two of the vectors that values is made of.
func meanCosine(values []float32, size int) float64 {
	n := len(values) / size
	dot := func(a, b int) (sum float64) {
		for i := range size {
			sum += float64(values[a*size+i]) * float64(values[b*size+i])
		}
		return sum
	}
	sum, pairs := 0.0, 0
	for a := range n {
		for b := range a {
			sum += dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)+1e-30)
			pairs++
		}
	}
	return sum / float64(pairs)
}
