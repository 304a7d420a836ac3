package keepgomlx_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gantry.local/kernel-ext/keep"
)

// BenchmarkReopen times cells, whole processes with all that they bring back and keep, that do nothing with a trainer of mlp,
// ask it for its step, draw a sample, and train a step, beside one that opens the backend by itself. The compile cache has
// what they need.
func BenchmarkReopen(b *testing.B) {
	nb := newNotebook(b, []string{"context", "gantry.local/gan", "gantry.local/gan/device", "gantry.local/gan/recipe", "gantry.local/gan/train",
		"github.com/gomlx/compute"}, "",
		"backend compute.Backend", "trainer *train.Trainer", "other int")
	const train = `for _, err := range trainer.Train(context.Background(), 1) { check(err) }`
	nb.run(`backend = must(device.Open("xla:cpu")); trainer = must(gan.NewTrainer(backend, recipe.MLP()));` + train + `; must(trainer.Sample(1, 1))`)
	nb.allKept()
	for _, c := range []struct {
		name, body string
		vars       []string
	}{
		{"beside", `other = 1; var _ *train.Trainer; _ = device.Open`, []string{"other"}},
		{"backend", `must(device.Open("xla:cpu")); other = 1`, []string{"other"}},
		{"step", `if trainer.Step() != 1 { panic("step") }`, []string{"trainer"}},
		{"sample", `must(trainer.Sample(1, 1))`, []string{"trainer"}},
		{"train", train, []string{"trainer"}},
	} {
		program, err := filepath.Abs(nb.build(c.body, c.vars...))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			var cpu time.Duration
			for i := range b.N {
				cmd := exec.Command(program)
				cmd.Env = append(os.Environ(), keep.EnvDir+"="+nb.values, keep.EnvFrom+"="+nb.from, keep.EnvTo+"="+fmt.Sprint("bench", i))
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
		nb.cells++
	}
}
