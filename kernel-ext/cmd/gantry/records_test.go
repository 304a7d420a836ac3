package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/sweep"
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

// TestRecordsAfterAKill has a run at its last step whose process was killed before it had recorded that step, or in the middle of the line.
func TestRecordsAfterAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	must(t, small(dir, "--steps", "3")...)
	path := filepath.Join(dir, progressFile)
	want := sweep.LastRecord(path)
	if want["step"] != 3 {
		t.Fatalf("the last record is %v, want that of step 3", want)
	}
	for _, left := range []string{"", `{"step":3,"sec`, `{"step":2}` + "\n"} {
		if err := os.WriteFile(path, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time nothing is missing
			must(t, "train", "--resume", "--steps", "3", "--out", dir)
		}
		got := sweep.LastRecord(path)
		for name, value := range want {
			if name != "seconds" && name != "steps_per_second" && got[name] != value {
				t.Errorf("after %q, %s is %v in the last record, want %v", left, name, got[name], value)
			}
		}
		if n := strings.Count(string(read(t, path)), `"step":3,"seconds"`); n != 1 {
			t.Errorf("after %q, step 3 is recorded %d times", left, n)
		}
	}
}
