package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
)

// reported is what tests read of a line of --json.
type reported struct {
	Step           int     `json:"step"`
	StepsPerSecond float64 `json:"steps_per_second"`
	CriticLoss     float64 `json:"critic_loss"`
	GeneratorLoss  float64 `json:"generator_loss"`
}

// TestRecordLine wants a line to have each number of any game by its name, 0 where a step does not report it, and those that lines of a
// generator and a critic always had.
func TestRecordLine(t *testing.T) {
	m := lab.Metric{Seconds: 2, Progress: train.Progress{Step: 3, Epoch: 1, Numbers: []train.Number{{Name: "cycle loss", Value: 0.5}}}}
	line, err := recordLine(m, []string{"cycle loss", "path length"}, nil)
	want := `{"step":3,"seconds":2,"steps_per_second":0,"epoch":1,"cycle_loss":0.5,"path_length":0}` + "\n"
	if err != nil || string(line) != want {
		t.Errorf("a line is %s (%v), want %s", line, err, want)
	}
	for _, test := range []struct {
		spent method.PrivacySpent
		end   string
	}{{method.PrivacySpent{Epsilon: 1.5, Delta: 1e-5}, `"penalty":0,"epsilon":1.5,"delta":0.00001}`},
		{method.PrivacySpent{Epsilon: math.Inf(1), Delta: 1e-5, Open: 3}, `"penalty":0,"delta":0.00001}`}} {
		line, err := recordLine(m, []string{method.CriticLoss, method.GeneratorLoss}, &test.spent)
		if err != nil || !json.Valid(line) || !strings.HasSuffix(string(line), test.end+"\n") {
			t.Errorf("a line of a private run is %s (%v), want it to end in %s", line, err, test.end)
		}
	}
}
