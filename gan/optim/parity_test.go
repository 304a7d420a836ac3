package optim_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// TestParityWithPyTorch makes 12 updates of the small problem, the last 6 at half the rate, and compares the weights after
// each with PyTorch's, which testdata/parity.py has computed in float64.
func TestParityWithPyTorch(t *testing.T) {
	content, err := os.ReadFile("testdata/parity.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixture map[string]json.RawMessage
	if err := json.Unmarshal(content, &fixture); err != nil {
		t.Fatal(err)
	}
	cases := map[string]optim.Optimizer{
		"sgd":                   optim.SGD{Rate: 0.1},
		"sgd momentum":          optim.SGD{Rate: 0.05, Momentum: 0.9},
		"sgd nesterov":          optim.SGD{Rate: 0.05, Momentum: 0.9, Nesterov: true},
		"sgd penalty":           optim.Chain(optim.WeightDecay(0.5), optim.SGD{Rate: 0.1}),
		"rmsprop":               optim.NewRMSProp(0.01),
		"rmsprop 0.9":           optim.RMSProp{Rate: 0.01, Decay: 0.9, Epsilon: 1e-3},
		"adam":                  optim.NewAdam(0.05, 0.5, 0.999),
		"adam without momentum": optim.NewAdam(0.05, 0, 0.9),
		"adamw":                 optim.NewAdamW(0.05, 0.5, 0.9, 0.4),
		"clip norm":             optim.Chain(optim.ClipNorm(1), optim.SGD{Rate: 0.1, Momentum: 0.9}),
		"clip value":            optim.Chain(optim.ClipValue(0.5), optim.SGD{Rate: 0.1, Momentum: 0.9}),
	}
	for name := range fixture {
		if cases[name] == nil && name != "made by" {
			t.Errorf("%s of the fixture is compared with nothing", name)
		}
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		worst := 0.0
		for name, o := range cases {
			var want [][]float64
			if err := json.Unmarshal(fixture[name], &want); err != nil || len(want) != 12 {
				t.Fatalf("the fixture has %d updates of %q (%v); make it again with testdata/parity.py", len(want), name, err)
			}
			p := newProblem(t, backend, o)
			for step := range want {
				if step < 6 {
					p.step(t, o, nil)
				} else {
					p.step(t, o, map[string]float64{optim.SettingRate: 0.5})
				}
				off := furthest(p.weights(t), want[step])
				if worst = max(worst, off); !(off < 3e-6) {
					t.Errorf("%s: after %d updates a weight is off by %.1e of the largest, want < 3e-6", name, step+1, off)
					break
				}
			}
		}
		t.Logf("largest difference: %.1e", worst)
	})
}
