package train_test

import (
	"bytes"
	"strings"
	"testing"

	"gantry.local/gan/gantest"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// TestInitialBesideStep wants the weights, and the random state after them, that are drawn beside the step's compilation to be those
// that GoMLX draws when they are first needed, to the bit; and none drawn for a trainer that is to be restored.
func TestInitialBesideStep(t *testing.T) {
	exp := tiny.Experiment(method.Alternating{})
	exp.Optimizers.EMA = 0.99
	of := exp.WithDefaults()
	for _, name := range []string{"go", "xla:cpu"} {
		t.Run(name, func(t *testing.T) {
			backend := gantest.Open(t, name)
			drawn, err := train.New(backend, of)
			if err != nil {
				t.Fatal(err)
			}
			later, err := train.NewToRestore(backend, of)
			if err != nil {
				t.Fatal(err)
			}
			if lacking := withoutValue(drawn); len(lacking) > 0 {
				t.Errorf("these were not drawn beside the step: %s", strings.Join(lacking, ", "))
			}
			if lacking := withoutValue(later); len(lacking) == 0 {
				t.Error("weights were drawn for a trainer that is to be restored")
			}
			is, want := saved(t, drawn), saved(t, later)
			if bytes.Equal(is, want) {
				return
			}
			t.Error("what is drawn beside the step is not what is drawn when it is needed")
			one, err := safetensors.Parse(is)
			if err != nil {
				t.Fatal(err)
			}
			other, err := safetensors.Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range other.Tensors {
				if got, found := one.Tensor(w.Name); !found || !bytes.Equal(got.Data, w.Data) {
					t.Errorf("%s differs", w.Name)
				}
			}
		})
	}
}

// withoutValue lists the variables of a trainer that have no value.
func withoutValue(of *train.Trainer) (paths []string) {
	for v := range of.Store().IterVariables() {
		if !v.HasValue() {
			paths = append(paths, v.Path())
		}
	}
	return paths
}
