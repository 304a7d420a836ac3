package recipe_test

import (
	"context"
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
