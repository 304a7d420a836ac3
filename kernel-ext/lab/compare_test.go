package lab_test

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/gan/measure"
	"gantry.local/gan/metric"
	"gantry.local/kernel-ext/lab"
)

// TestCompare lays runs side by side that live, have ended, and have never trained, and says what it cannot.
func TestCompare(t *testing.T) {
	runs(t)
	a := plan{Name: "first", Backend: "go"}.open(t)
	b := plan{Name: "second", Backend: "go", Batch: 32, Hinge: true}.open(t)
	plan{Name: "new", Backend: "go"}.open(t)
	for _, r := range []*lab.Run{a, b} {
		if err := r.Train(30); err != nil {
			t.Fatal(err)
		}
	}
	found, err := a.Measure(lab.MeasureOptions{Samples: 100})
	if err != nil {
		t.Fatal(err)
	}
	if n, is := found.Number(measure.ModesName); found.Step != 30 || !is || *n.Real != 8 {
		t.Errorf("measured: %v", found)
	}
	if info, err := os.Stat(filepath.Join(a.Dir(), "measured.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("measured.json: %v, %v", info, err)
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	plan{Name: "second", Backend: "go", Batch: 32, Hinge: true}.tell(t) // its process is started for the samples
	c, err := lab.Compare(a, "second", filepath.Join(os.Getenv(lab.EnvRuns), "new"))
	if err != nil {
		t.Fatal(err)
	}
	text := c.String()
	for _, want := range []string{"batch size", "loss", "hinge", "critic loss, drawn from", "second and new are not measured yet", found.Numbers[0].Interval()} {
		if !strings.Contains(text, want) {
			t.Errorf("the comparison does not say %q:\n%s", want, text)
		}
	}
	for _, s := range c.Sides {
		if !strings.HasPrefix(string(s.Picture), "\x89PNG") {
			t.Errorf("there are no samples of %s: %q", s.Name, c.Apart)
		}
	}
	if lab.Lives(b.Dir()) {
		t.Error("the process that was started for the samples of a run has not ended")
	}
	if _, err := lab.Compare(a, "nobody"); !errors.Is(err, lab.ErrNoRun) || strings.Contains(err.Error(), "\n") {
		t.Errorf("with a run that is not there: %v", err)
	}
	if _, err := lab.Compare(a, 7); err == nil || !strings.Contains(err.Error(), "int is no run") {
		t.Errorf("with a number: %v", err)
	}
	if err := os.WriteFile(filepath.Join(a.Dir(), "measured.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Compare(a, b); err == nil || !strings.Contains(err.Error(), "measured.json is damaged: measure the run again") {
		t.Errorf("with damaged figures: %v", err)
	}
}

// TestDistance wants a run that is measured while it trains to train as one that is not, bit for bit, and to report the distance among its
// numbers: at a step in so many, and at the last.
func TestDistance(t *testing.T) {
	runs(t)
	p := plan{Name: "measured", Backend: "go", Measure: 5}
	measured, plain := p.open(t), plan{Name: "plain", Backend: "go"}.open(t)
	for _, r := range []*lab.Run{measured, plain} {
		if err := r.Train(25); err != nil {
			t.Fatal(err)
		}
	}
	if s := status(t, measured); !slices.Contains(s.Numbers, metric.KernelName) {
		t.Errorf("its numbers are %q", s.Numbers)
	}
	compare := func() {
		t.Helper()
		got, err := measured.Metrics()
		if err != nil {
			t.Fatal(err)
		}
		want, err := plain.Metrics()
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d records, want %d (%v)", len(got), len(want), err)
		}
		for i, m := range got {
			if m.Reports(metric.KernelName) && m.Step%5 != 0 && m.Step != 25 {
				t.Errorf("step %d is measured", m.Step)
			}
			for _, n := range want[i].Numbers {
				if m.Value(n.Name) != n.Value {
					t.Fatalf("step %d has %s %g, and %g where nothing is measured", m.Step, n.Name, m.Value(n.Name), n.Value)
				}
			}
		}
		if !got[4].Reports(metric.KernelName) {
			t.Error("step 5 is not measured")
		}
	}
	compare()
	last := func() float64 {
		t.Helper()
		all, err := measured.Metrics()
		if err != nil || !all[24].Reports(metric.KernelName) {
			t.Fatalf("the last step is not measured (%v)", err)
		}
		return all[24].Value(metric.KernelName)
	}
	distance := last()
	if exact, err := measured.Rewind(12); err != nil || !exact {
		t.Fatalf("back to step 12: exact %v, %v", exact, err)
	}
	if err := measured.TrainTo(25); err != nil {
		t.Fatal(err)
	}
	compare()
	if again := last(); again != distance {
		t.Errorf("made again, step 25 is %g away, and it was %g", again, distance)
	}
	if err := measured.Stop(); err != nil {
		t.Fatal(err)
	}
	if s := status(t, p.with("measured").open(t)); s.Step != 25 {
		t.Errorf("opened again it is at step %d", s.Step)
	}
}

// TestCSV wants a line for each step, with each number where it is reported.
func TestCSV(t *testing.T) {
	runs(t)
	r := plan{Name: "logged", Backend: "go", Measure: 4}.open(t)
	if _, err := lab.Find("nobody"); !errors.Is(err, lab.ErrNoRun) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := r.Train(9); err != nil {
		t.Fatal(err)
	}
	if err := r.TrainAlone("critic", 1); err != nil {
		t.Fatal(err)
	}
	if err := r.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	found, err := lab.Find("logged")
	if err != nil {
		t.Fatal(err)
	}
	text, err := found.CSV()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != 11 {
		t.Fatalf("%d rows (%v):\n%s", len(rows), err, text)
	}
	distance, alone := slices.Index(rows[0], "kernel_distance"), slices.Index(rows[0], "alone")
	if distance < 0 || rows[4][distance] == "" || rows[3][distance] != "" || rows[10][alone] != "critic" || rows[9][alone] != "" {
		t.Errorf("the table is\n%s", text)
	}
	logs := t.TempDir()
	if err := found.LogTensorBoard(context.Background(), logs, false, func(notice string) { t.Error(notice) }); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(logs, "logged", "events.out.tfevents.*")); err != nil || len(files) != 1 {
		t.Errorf("event files: %q (%v)", files, err)
	}
}
