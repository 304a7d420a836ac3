package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
)

// TestRecordsOfALongRun wants the file of a run that has trained for ten hours to get few lines, the last one among them, while who follows
// gets all.
func TestRecordsOfALongRun(t *testing.T) {
	for _, test := range []struct {
		since time.Duration
		lines int
	}{{0, 50}, {10 * time.Hour, 2}} {
		var out bytes.Buffer
		r := records{path: filepath.Join(t.TempDir(), progressFile), out: &out, last: 1000, begin: time.Now().Add(-test.since)}
		for step := 1; step <= 50; step++ {
			if err := r.write(lab.Metric{Calls: step, Progress: train.Progress{Step: step}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(read(t, r.path))), "\n")
		if len(lines) != test.lines || !strings.Contains(lines[len(lines)-1], `"step":50`) {
			t.Errorf("after %s there are %d lines, the last %s; want %d and step 50", test.since, len(lines), lines[len(lines)-1], test.lines)
		}
		if n := strings.Count(out.String(), "\n"); n != 50 {
			t.Errorf("after %s who follows gets %d lines, want 50", test.since, n)
		}
	}
}
