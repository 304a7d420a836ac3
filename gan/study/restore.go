package study

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/latent"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/gan/translate"
)

// damages are the names of the rows.
func damages() []string {
	return []string{"noise of 0.5", "a box of 12×12 missing", "14×14 to 28×28"}
}

// restore damages test digits and restores them in two ways: by searching the latents of a trained generator, and by a
// network trained on pairs.
func restore(ctx context.Context, o Options) (*Table, error) {
	o.bounded(2 * time.Minute)
	shown := orElse(o.Samples, 50)
	search := latent.ProjectOptions{Steps: min(orElse(o.Steps, 300), 300)}
	table := &Table{Title: fmt.Sprintf("Restoring digits, %s of training for each network", o.budget()),
		Columns: []string{"damage", "as it is", "by projection", "by pairs"},
		Notes: []string{fmt.Sprintf("PSNR in dB / SSIM, means over %d test digits. As it is: the damaged image, for super-resolution repeated pixels. "+
			"By projection: the image of the nearest latent of dcgan (gan/latent), which never saw damage. By pairs: gan/translate with a critic.", shown)}}
	test, err := data.MNISTTest().Load()
	if err != nil {
		return nil, err
	}
	good := test.Part(0, shown).Seen()
	box := translate.Mask{Top: 8, Left: 8, Height: 12, Width: 12}
	known := make([]float32, 28*28)
	for i := range known {
		if row, column := i/28, i%28; row < box.Top || row >= box.Top+box.Height || column < box.Left || column >= box.Left+box.Width {
			known[i] = 1
		}
	}
	err = o.withBackend(func(backend compute.Backend) error {
		trainer, err := run(ctx, backend, recipe.DCGAN(), o.Steps, o.Limit, nil)
		if err != nil {
			return err
		}
		generator, err := trainer.Generator()
		if err != nil {
			return err
		}
		for i, c := range []struct {
			degrade translate.Degradation
			network gan.Network
			project func(damaged sample.Images) (latent.Projection, error)
		}{
			{translate.Noise{Sigma: 0.5}, net.Restorer, func(damaged sample.Images) (latent.Projection, error) {
				return latent.Denoise(ctx, generator, damaged, search)
			}},
			{box, net.Restorer, func(damaged sample.Images) (latent.Projection, error) {
				masked := search
				masked.Mask = known
				return latent.Inpaint(ctx, generator, damaged, masked)
			}},
			{translate.Half{}, net.SuperResolver, func(damaged sample.Images) (latent.Projection, error) {
				return latent.SuperResolve(ctx, generator, damaged, 2, search)
			}},
		} {
			name := damages()[i]
			if !o.wants(name) {
				continue
			}
			pairs, err := train.New(backend, translate.Experiment{
				Data: data.MNIST(), Degrade: c.degrade, Network: c.network, Critic: pairCritic, BatchSize: 32})
			if err != nil {
				return err
			}
			if err := trainPairs(ctx, pairs, o); err != nil {
				return err
			}
			damaged, err := translate.Damage(backend, c.degrade, good, 0)
			if err != nil {
				return err
			}
			translated, err := pairs.Apply(translate.NetworkName, damaged)
			if err != nil {
				return err
			}
			projected, err := c.project(damaged)
			if err != nil {
				return err
			}
			asItIs := enlarged(damaged, 28/damaged.Height)
			row := []string{name}
			for _, images := range []sample.Images{asItIs, projected.Images, translated} {
				cell, err := likeness(good, images)
				if err != nil {
					return err
				}
				row = append(row, cell)
			}
			fmt.Fprintf(o.Log, "%v, %d steps\n", row, pairs.Step())
			table.Rows = append(table.Rows, row)
			if err := o.keep("restore "+name, beside(good, asItIs, projected.Images, translated)); err != nil {
				return err
			}
		}
		return nil
	})
	return table, err
}

// trainPairs trains as run does.
func trainPairs(ctx context.Context, pairs *train.Trainer, o Options) error {
	if o.Limit > 0 {
		limited, cancel := context.WithTimeout(ctx, o.Limit)
		defer cancel()
		ctx = limited
	}
	for _, err := range pairs.Train(ctx, orElse(o.Steps, math.MaxInt32)) {
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pairCritic judges a damaged image and a good one together. x: [batch, height, width, 2·channels].
func pairCritic(scope *model.Scope, x *Node) *Node {
	return net.DCGAN{Width: 16, Size: x.Shape().Dim(1)}.Critic(scope, x)
}

// enlarged repeats each pixel factor times in both directions.
func enlarged(images sample.Images, factor int) sample.Images {
	big := sample.Images{N: images.N, Height: images.Height * factor, Width: images.Width * factor, Channels: images.Channels}
	for i := range big.N {
		for row := range big.Height {
			for column := range big.Width {
				at := ((i*images.Height+row/factor)*images.Width + column/factor) * images.Channels
				big.Values = append(big.Values, images.Values[at:at+images.Channels]...)
			}
		}
	}
	return big
}

// likeness is the mean PSNR and SSIM.
func likeness(good, images sample.Images) (string, error) {
	psnr, err := metric.PSNR(good, images)
	if err != nil {
		return "", err
	}
	ssim, err := metric.SSIM(good, images)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%.1f / %.2f", mean(psnr), mean(ssim)), nil
}

// beside makes one picture of rows of ten: for each ten images, those of every set below each other.
func beside(sets ...sample.Images) sample.Images {
	all := sets[0]
	all.Values, all.Labels, all.N = nil, nil, 0
	for first := 0; first+10 <= min(sets[0].N, 25); first += 10 {
		for _, set := range sets {
			all.Values = append(all.Values, set.Part(first, 10).Values...)
			all.N += 10
		}
	}
	return all
}
