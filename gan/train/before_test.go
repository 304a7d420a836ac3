package train_test

import (
	"math"
	"testing"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
)

// TestVersionBefore goes on from checkpoints that the version before wrote, when an Experiment was one struct of 29 fields, and wants
// the steps after them to report what that version reported.
func TestVersionBefore(t *testing.T) {
	full := everything()
	full.Optimizers.Critic = optim.Scheduled{Of: optim.Chain(optim.ClipNorm(1), optim.NewAdam(2e-3, 0, 0.999)), Schedule: optim.Warmup{Steps: 4}}
	private := tiny.Smooth()
	private.Method = method.Private{Clip: 1, Noise: 1}
	for name, c := range map[string]struct {
		exp  gan.Experiment
		file string
		at   int
		want [][]float64 // by steps: critic loss, generator loss, norm of the critic's gradient
	}{
		"everything": {full, "before", 7, [][]float64{{0.466248453, 1.07848239, 1.43956256}, {0.704766333, 0.825145483, 1.6326853},
			{0.653638661, 0.740603209, 2.12627172}}},
		"private": {private, "before-private", 3, [][]float64{{1.73480034}}}, // behind it noise that follows from the bits of sums, which other vectors round otherwise
	} {
		t.Run(name, func(t *testing.T) {
			of := trainer(t, gantest.Go(t), c.exp)
			if err := of.RestoreFile("testdata/" + c.file + ".safetensors"); err != nil {
				t.Fatal(err)
			}
			if of.Step() != c.at {
				t.Errorf("it is at step %d, want %d", of.Step(), c.at)
			}
			for i, p := range tiny.Steps(t, of, len(c.want)) {
				for j, number := range []string{method.CriticLoss, method.GeneratorLoss, method.CriticGradient}[:len(c.want[i])] {
					if got, want := p.Value(number), c.want[i][j]; math.Abs(got-want) > 1e-5*(1+want) {
						t.Errorf("step %d reports %s %.9g, and the version before %.9g", p.Step, number, got, want)
					}
				}
			}
		})
	}
	of := trainer(t, gantest.Go(t), private)
	if err := of.RestoreFile("testdata/before-private.safetensors"); err != nil {
		t.Fatal(err)
	}
	tiny.Steps(t, of, 3)
	if epsilon, err := epsilonOf(of); err != nil || math.Abs(epsilon-3.50654912) > 1e-6 {
		t.Errorf("ε is %.9g (%v), and the version before had spent 3.50654912", epsilon, err)
	}
}
