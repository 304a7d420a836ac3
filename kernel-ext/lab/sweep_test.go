package lab_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/sweep"
)

// TestSweep trains the trials of a spec, and says what is wrong with another, and with a trial.
func TestSweep(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "rates.json")
	write := func(text string) {
		if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const end = `"steps": 5, "metric": "critic_loss", "best": "least"}`
	write(`{"train": {"recipe": "toy", "backend": "go"}, "grid": {"batch": [8, 9]}, ` + end)
	if err := lab.Sweep(spec); err != nil {
		t.Fatal(err)
	}
	s, err := sweep.Load(strings.TrimSuffix(spec, ".json"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Code() != sweep.CodeDone || len(s.Rows()) != 2 {
		t.Errorf("the sweep is: %s", s.Summary())
	}
	write(`{"train": {"recpie": "toy"}, ` + end)
	if err := lab.Sweep(spec); err == nil || !strings.Contains(err.Error(), "did you mean recipe?") || strings.Contains(err.Error(), "\n") {
		t.Errorf("of a spec that is wrong: %v", err)
	}
	write(`{"train": {"recipe": "toy", "backend": "go"}, "grid": {"data": ["ring,n=3", "ring"]}, ` + end)
	if err := lab.Sweep(spec); err == nil || !strings.Contains(err.Error(), "1 done, 1 refused") {
		t.Errorf("of a trial that is refused: %v", err)
	}
}
