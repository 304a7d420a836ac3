package study

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan/data"
	"gantry.local/gan/latent"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
)

// labelCounts are the labels per class of the rows.
func labelCounts() []string { return []string{"20", "50", "100"} }

// diet is what a classifier with few labels is trained on.
type diet struct {
	name   string
	share  int     // generated images for each labelled one
	sure   float64 // least confidence, of the classifier that was trained on the labelled ones alone, in a generated image's class; 0: all are taken
	copies int     // of each image, each moved by up to mostShift pixels; 0: images as they are
}

// diets are the search: shares, a filter, and what shifts alone would do.
func diets() []diet {
	return []diet{
		{"real", 0, 0, 0},
		{"and 1 generated for each", 1, 0, 0},
		{"and 10", 10, 0, 0},
		{"and 1 that the first is sure of", 1, 0.9, 0},
		{"and 10 that the first is sure of", 10, 0.9, 0},
		{"real, shifted", 0, 0, 8},
		{"real and 1 sure, shifted", 1, 0.9, 8},
	}
}

const (
	mostShift = 2 // pixels, each way
	drawnMore = 4 // times as many are drawn as are kept by confidence
)

// seen is how many images each classifier is trained on, repeated ones included.
func seen(o Options) int { return orElse(o.Samples, 40_000) }

// labels trains a conditional GAN on few labelled digits, and classifiers on those digits and on what the GAN makes of them.
func labels(ctx context.Context, o Options) (*Table, error) {
	o.bounded(2 * time.Minute)
	o.Seeds = orElse(o.Seeds, 3)
	table := &Table{Title: fmt.Sprintf("Classifiers with few labels, beside a conditional GAN trained on them for %s", o.budget()),
		Columns: []string{"labels per class", "accuracy", "gain", "trained on"},
		Notes: []string{fmt.Sprintf("On MNIST's 10 000 test digits, in percent; mean ± standard deviation over %d draws of the labels, as is the gain over the first row. The classifiers "+
			"are of %s's form and each sees %d images. Sure: one trained on the real ones alone gives the generated image its class by at least 0.9. "+
			"Shifted: eight copies of each, moved by up to %d pixels.", o.Seeds, metric.MNIST1, seen(o), mostShift)}}
	for _, row := range labelCounts() {
		if !o.wants(row) {
			continue
		}
		perClass, err := strconv.Atoi(row)
		if err != nil {
			return nil, err
		}
		found := make([][]float64, len(diets())) // by diet and seed
		for seed := range o.Seeds {
			err := o.withBackend(func(backend compute.Backend) error {
				of, err := feed(ctx, o, backend, perClass, int64(seed))
				for i, accuracy := range of {
					found[i] = append(found[i], accuracy)
				}
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		for i, d := range diets() {
			gain := make([]float64, o.Seeds)
			for seed := range gain {
				gain[seed] = found[i][seed] - found[0][seed]
			}
			table.Rows = append(table.Rows, []string{row, spread(found[i], "%.1f"), spread(gain, "%+.1f"), d.name})
		}
	}
	return table, nil
}

// feed trains the GAN on one draw of labels and a classifier on each diet, and returns their accuracies.
func feed(ctx context.Context, o Options, backend compute.Backend, perClass int, seed int64) (accuracies []float64, err error) {
	few := data.Balanced(data.MNIST(), perClass, seed)
	real, err := few.Load()
	if err != nil {
		return nil, err
	}
	exp := recipe.FewLabels()
	exp.Data, exp.Seed = few, seed
	trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, nil)
	if err != nil {
		return nil, err
	}
	generator, err := trainer.Generator()
	if err != nil {
		return nil, err
	}
	grid, err := latent.ClassGrid(generator, 10, 1)
	if err != nil {
		return nil, err
	}
	if err := o.keep(fmt.Sprintf("labels-%d-%d", perClass, seed), grid); err != nil {
		return nil, err
	}
	var first *metric.Classifier
	for _, d := range diets() {
		images := real
		if d.share > 0 {
			made, err := d.generated(generator, perClass, first)
			if err != nil {
				return nil, err
			}
			if made.N > 0 { // it may be sure of none
				if images, err = latent.Join(real, made); err != nil {
					return nil, err
				}
			}
		}
		if d.copies > 0 {
			images = shifted(images, d.copies, seed)
		}
		classifier, err := metric.TrainClassifier(backend, "few labels", images, max(seen(o)/images.N, 1), seed)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = classifier
		}
		right, err := accuracy(classifier)
		if err != nil {
			return nil, err
		}
		accuracies = append(accuracies, right)
		fmt.Fprintf(o.Log, "%d labels per class, seed %d: %d steps, %.2f %% on %s (%d images)\n", perClass, seed, trainer.Step(), right, d.name, images.N)
	}
	return accuracies, nil
}

// generated draws a diet's images. Where too few are sure, there are fewer.
func (d diet) generated(generator *train.Generator, perClass int, first *metric.Classifier) (*sample.Images, error) {
	want := d.share * perClass
	if d.sure == 0 {
		return latent.Augment(generator, want, 1)
	}
	drawn, err := latent.Augment(generator, want*drawnMore, 1)
	if err != nil {
		return nil, err
	}
	classes, confidence, err := first.Classes(*drawn)
	if err != nil {
		return nil, err
	}
	kept, have := []int(nil), map[int32]int{}
	for i, class := range drawn.Labels {
		if classes[i] == class && confidence[i] >= d.sure && have[class] < want {
			kept = append(kept, i)
			have[class]++
		}
	}
	images := drawn.Rows(kept)
	return &images, nil
}

// shifted are copies of images, each moved by up to mostShift pixels each way; what comes in from the border is dark.
func shifted(of *sample.Images, copies int, seed int64) *sample.Images {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	moved := *of
	moved.N *= copies
	moved.Pixels, moved.Labels = make([]byte, moved.N*of.Size()), make([]int32, moved.N)
	for i := range moved.N {
		from := i % of.N
		moved.Labels[i] = of.Labels[from]
		dy, dx := random.IntN(2*mostShift+1)-mostShift, random.IntN(2*mostShift+1)-mostShift
		for y := max(dy, 0); y < min(of.Height, of.Height+dy); y++ {
			for x := max(dx, 0); x < min(of.Width, of.Width+dx); x++ {
				to, at := (y*of.Width+x)*of.Channels, ((y-dy)*of.Width+x-dx)*of.Channels
				copy(moved.Pixels[i*of.Size()+to:][:of.Channels], of.Pixels[from*of.Size()+at:])
			}
		}
	}
	return &moved
}

// accuracy is how many of the test digits a classifier gets right, in percent.
func accuracy(classifier *metric.Classifier) (float64, error) {
	test, err := data.MNISTTest().Load()
	if err != nil {
		return 0, err
	}
	guessed, _, err := classifier.Classes(*test)
	if err != nil {
		return 0, err
	}
	right := 0
	for i, class := range guessed {
		if class == test.Labels[i] {
			right++
		}
	}
	return 100 * float64(right) / float64(test.N), nil
}
