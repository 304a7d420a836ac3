package lab_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gantry.local/gan/lint"
	"gantry.local/gan/recipe"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/racing"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/lab/record"
)

// manyRuns makes a folder of runs without a process, each with a history.
func manyRuns(t testing.TB, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	game, err := recipe.Toy().Game()
	if err != nil {
		t.Fatal(err)
	}
	shapes, err := record.DescribeData(game)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := lint.SignatureOf(recipe.Toy(), shapes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		run := filepath.Join(dir, fmt.Sprintf("run-%03d", i))
		if _, err := record.MakeDir(run); err != nil {
			t.Fatal(err)
		}
		info := record.Info{Recipe: "toy", Batch: game.BatchSize, Definition: definition, Data: record.KeptData(shapes[0]), Status: record.Status{Step: i + 1}}
		if err := info.Write(run); err != nil {
			t.Fatal(err)
		}
		h, err := record.OpenHistory(filepath.Join(run, record.HistoryFile), record.Columns{Numbers: []string{"critic loss"}})
		if err != nil {
			t.Fatal(err)
		}
		for step := 1; step <= i+1; step++ {
			if err := h.Add(record.Metric{Calls: step, Progress: train.Progress{Step: step}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestManyRunsAreListed wants a folder of a hundred runs to be listed, all of them and within a time that is no use to anybody, be the
// machine as busy as it may.
func TestManyRunsAreListed(t *testing.T) {
	t.Setenv(lab.EnvRuns, manyRuns(t, 100))
	begin := time.Now()
	all, err := lab.List()
	if err != nil || len(all) != 100 {
		t.Fatalf("%d runs are listed (%v), want 100", len(all), err)
	}
	if took := time.Since(begin); took > racing.Slower*5*time.Second {
		t.Errorf("it took %s", took)
	}
	for i, l := range all {
		if l.Step != i+1 || l.Damaged || l.Living {
			t.Errorf("run %d is %+v", i, l)
		}
	}
}

// BenchmarkList lists a folder of a hundred runs.
func BenchmarkList(b *testing.B) {
	b.Setenv(lab.EnvRuns, manyRuns(b, 100))
	for b.Loop() {
		if all, err := lab.List(); err != nil || len(all) != 100 {
			b.Fatal(len(all), err)
		}
	}
}
