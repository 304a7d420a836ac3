package train_test

import (
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
	"gantry.local/gan/metric"
	"gantry.local/gan/net"
	"gantry.local/gan/optim"
)

// TestLearns wants a small GAN to learn a ring of eight modes within a bounded number of steps, on both backends: each mode is there,
// and most points are close to one. An untrained one has none.
func TestLearns(t *testing.T) {
	const steps, each = 3000, 500
	ring, networks := data.Ring8(), net.Toy{}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		of := trainer(t, backend, gan.Experiment{
			Name: "ring", Data: ring.Set(10_000, 1), Latent: 2, BatchSize: 64, Generator: networks.Generator, Critic: networks.Critic,
			Loss: loss.Paired, Penalties: []loss.Penalty{loss.R1(0.1), loss.R2(0.1)},
			Optimizers: gan.Optimizers{Generator: optim.NewAdam(2e-3, 0.5, 0.99), Critic: optim.NewAdam(2e-3, 0.5, 0.99), EMA: 0.99},
		})
		var last metric.ModeReport
		for done := 0; done <= steps; done += each {
			samples, err := of.Sample(1000, 1)
			if err != nil {
				t.Fatal(err)
			}
			if last, err = metric.Modes(samples.Values, ring.Centres, ring.Std, 20); err != nil {
				t.Fatal(err)
			}
			if done == 0 && last.Captured > 1 {
				t.Fatalf("before training: %v", last)
			}
			if last.Captured == len(ring.Centres) && last.HighQuality > 0.6 {
				t.Logf("after %d steps: %v", done, last)
				return
			}
			for range of.Train(t.Context(), each) {
			}
		}
		t.Errorf("after %d steps: %v", of.Step(), last)
	})
}
