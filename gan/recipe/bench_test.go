package recipe_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/recipe"
)

func warmTrainer(b *testing.B, name string) *gan.Trainer {
	b.Helper()
	exp, err := recipe.Named(name)
	if err != nil {
		b.Fatal(err)
	}
	trainer, err := gan.NewTrainer(gantest.XLA(b), installed(b, exp))
	if err != nil {
		b.Fatal(err)
	}
	stepsPerSecond(b, trainer, 10)
	return trainer
}

func stepsPerSecond(b *testing.B, trainer *gan.Trainer, steps int) float64 {
	b.Helper()
	begin := time.Now()
	for _, err := range trainer.Train(context.Background(), steps) {
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(steps) / time.Since(begin).Seconds()
}

// BenchmarkStep times one training step of each recipe, compilation left out.
func BenchmarkStep(b *testing.B) {
	for _, r := range recipe.All() {
		b.Run(r.Name, func(b *testing.B) {
			trainer := warmTrainer(b, r.Name)
			b.ResetTimer()
			stepsPerSecond(b, trainer, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkStepBesideKeras times the article's step here and in Keras' tf.function by turns, so that a busy machine slows
// both alike, and reports the medians and their ratio. GANTRY_PEER names a Python that has tensorflow-cpu; `make
// bench-keras` installs one.
func BenchmarkStepBesideKeras(b *testing.B) {
	python := os.Getenv("GANTRY_PEER")
	if python == "" {
		b.Skip("no Python with tensorflow-cpu is named; run `make bench-keras`")
	}
	const steps = 200
	trainer := warmTrainer(b, "article")
	var ours, theirs, ratios []float64
	for b.Loop() {
		c := exec.CommandContext(b.Context(), python, "../testdata/peer_keras.py", strconv.Itoa(steps))
		text, err := c.Output()
		if err != nil {
			b.Fatalf("%v: %v", c, err)
		}
		var peer struct {
			StepsPerSecond float64 `json:"steps_per_second"`
		}
		if err := json.Unmarshal(text, &peer); err != nil || peer.StepsPerSecond <= 0 {
			b.Fatalf("the peer printed %q (%v)", text, err)
		}
		theirs = append(theirs, peer.StepsPerSecond)
		ours = append(ours, stepsPerSecond(b, trainer, steps))
		ratios = append(ratios, ours[len(ours)-1]/peer.StepsPerSecond)
	}
	median := func(values []float64) float64 {
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	b.ReportMetric(median(ours), "steps/s")
	b.ReportMetric(median(theirs), "keras-steps/s")
	b.ReportMetric(median(ratios), "ratio")
}

// BenchmarkSave saves dcgan's checkpoint, and verifies it, which each save does twice: the new file and the one before it.
func BenchmarkSave(b *testing.B) {
	exp, err := recipe.Named("dcgan")
	if err != nil {
		b.Fatal(err)
	}
	trainer, err := gan.NewTrainer(gantest.Go(b), exp)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	if err := trainer.Save(dir); err != nil {
		b.Fatal(err)
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			if err := trainer.Save(dir); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if _, err := gan.VerifyCheckpoint(trainer.LastCheckpoint()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
