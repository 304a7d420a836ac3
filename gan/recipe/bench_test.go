package recipe_test

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
)

func warmTrainer(b *testing.B, name string) *train.Trainer {
	b.Helper()
	return warmTrainerOn(b, gantest.XLA(b), name)
}

func warmTrainerOn(b *testing.B, backend compute.Backend, name string) *train.Trainer {
	b.Helper()
	of, err := recipe.Named(name)
	if err != nil {
		b.Fatal(err)
	}
	trainer, err := train.New(backend, installed(b, of))
	if err != nil {
		b.Fatal(err)
	}
	stepsPerSecond(b, trainer, 10)
	return trainer
}

func stepsPerSecond(b *testing.B, trainer *train.Trainer, steps int) float64 {
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

// BenchmarkSample draws ten thousand images of each of some recipes.
func BenchmarkSample(b *testing.B) {
	const n = 10_000
	for _, name := range []string{"mlp", "dcgan", "article"} {
		b.Run(name, func(b *testing.B) {
			trainer := warmTrainer(b, name)
			begin := processorTime(b)
			for b.Loop() {
				if _, err := trainer.Sample(n, 1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
			b.ReportMetric((processorTime(b)-begin).Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// processorTime is what this process has used so far, of all processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// BenchmarkStepOnGo times a step on the pure Go backend and on XLA's CPU backend by turns, and reports the medians and that of
// how many times as long Go takes.
func BenchmarkStepOnGo(b *testing.B) {
	for _, name := range []string{"mlp", "article", "dcgan", "wgan-gp", "toy", "sines", "phrases"} {
		b.Run(name, func(b *testing.B) {
			onGo, onXLA := warmTrainerOn(b, gantest.Go(b), name), warmTrainerOn(b, gantest.XLA(b), name)
			var ours, theirs, ratios []float64
			for b.Loop() {
				ours = append(ours, stepsPerSecond(b, onGo, 20))
				theirs = append(theirs, stepsPerSecond(b, onXLA, 20))
				ratios = append(ratios, theirs[len(theirs)-1]/ours[len(ours)-1])
			}
			b.ReportMetric(median(ours), "steps/s")
			b.ReportMetric(median(theirs), "xla-steps/s")
			b.ReportMetric(median(ratios), "times-as-long")
		})
	}
}

// BenchmarkSave saves dcgan's checkpoint, and verifies it, which each save does twice: the new file and the one before it.
func BenchmarkSave(b *testing.B) {
	trainer, err := gan.NewTrainer(gantest.Go(b), recipe.DCGAN())
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
			if _, err := train.VerifyCheckpoint(trainer.LastCheckpoint()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
