package record

import (
	"os"
	"path/filepath"
	"testing"

	"gantry.local/gan/train"
)

// TestThinned wants records from all over a history, in order, the last one among them.
func TestThinned(t *testing.T) {
	dir := t.TempDir()
	var file []byte
	const n = 1003
	for step := 1; step <= n; step++ {
		file = columnsBefore().append(file, Metric{Progress: train.Progress{Step: step}})
	}
	if err := os.WriteFile(filepath.Join(dir, HistoryFile), append(file, 1, 2, 3), 0o600); err != nil { // and one that is being written
		t.Fatal(err)
	}
	for _, most := range []int{1, 2, 100, 1000, n, 5000} {
		metrics, err := Thinned(dir, most)
		if err != nil || len(metrics) != min(most, n) {
			t.Fatalf("%d records (%v), want %d", len(metrics), err, min(most, n))
		}
		for i, m := range metrics {
			if m.Calls != m.Step || i > 0 && m.Step <= metrics[i-1].Step {
				t.Fatalf("record %d of %d is call %d, step %d", i, most, m.Calls, m.Step)
			}
		}
		if last := metrics[len(metrics)-1].Step; last != n {
			t.Errorf("the last of %d records is step %d, want %d", most, last, n)
		}
	}
	if _, err := Thinned(t.TempDir(), 5); err == nil {
		t.Error("a folder without a history has records")
	}
}
