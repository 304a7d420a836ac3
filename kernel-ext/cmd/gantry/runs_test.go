package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/lab"
)

// serveRun makes this process that of a run, where it was started to be one.
func serveRun() {
	if _, is := lab.Resident(); is {
		lab.OpenWith(recipe.Toy(), lab.RunOptions{Backend: "go"}) // does not return
		os.Exit(1)
	}
}

// TestRuns lists and stops runs of every kind.
func TestRuns(t *testing.T) {
	t.Setenv(lab.EnvRuns, t.TempDir())
	if out, _, code := gantry(t, "runs"); code != 0 || out != "no runs\n" {
		t.Errorf("without runs: exit code %d, %q", code, out)
	}
	if out, _, code := gantry(t, "stop", "--all"); code != 0 || out != "no run has a process\n" {
		t.Errorf("stop --all without runs: exit code %d, %q", code, out)
	}
	open := func() *lab.Run {
		r, err := lab.OpenWith(recipe.Toy(), lab.RunOptions{Backend: "go", Args: []string{"-test.run=^$"}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	list := func() (text string, record runRecord) {
		text, stderr, code := gantry(t, "runs")
		if code != 0 {
			t.Fatal(stderr)
		}
		lines, stderr, code := gantry(t, "runs", "--json")
		if code != 0 {
			t.Fatal(stderr)
		}
		if err := json.Unmarshal([]byte(lines), &record); err != nil {
			t.Fatalf("%q: %v", lines, err)
		}
		return text, record
	}
	// The kernel of the notebook is one that has never been.
	t.Setenv("GANTRY_CHANNEL", t.TempDir()+"/gone")
	r := open()
	if err := r.Train(4); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GANTRY_CHANNEL", "")
	text, record := list()
	if !record.Living || !record.Orphan || record.State != "paused" || record.Step != 4 || record.Memory == 0 || record.Dir != r.Dir() {
		t.Errorf("a living run is %+v", record)
	}
	if !strings.Contains(text, "toy") || !strings.Contains(text, "its notebook is gone") {
		t.Errorf("the table is\n%s", text)
	}
	if out, stderr, code := gantry(t, "stop", "toy"); code != 0 || out != "run toy is saved and has ended\n" {
		t.Errorf("stop: exit code %d, %q, %q", code, out, stderr)
	}
	if text, record = list(); record.Living || record.State != "ended" || record.Step != 4 || !strings.Contains(text, "goes on from its last checkpoint") {
		t.Errorf("a stopped run is %+v in the table\n%s", record, text)
	}
	if out, _, code := gantry(t, "stop", "toy"); code != 0 || out != "run toy has no process\n" {
		t.Errorf("stop again: exit code %d, %q", code, out)
	}
	r = open()
	s, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	if err := hostile.Freeze(t.Context(), s.Pid); err != nil {
		t.Fatal(err)
	}
	stopped, record := list()
	if record.State != "stopped" || record.Pid != s.Pid || !strings.Contains(stopped, fmt.Sprintf("kill -CONT %d", s.Pid)) {
		t.Errorf("a run that SIGSTOP has stopped is %+v in the table\n%s", record, stopped)
	}
	if out, stderr, code := gantry(t, "stop", "--all"); code != 0 || out != "run toy is saved and has ended\n" {
		t.Errorf("stopping it: exit code %d, %q, %q", code, out, stderr)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "name the runs to stop", []string{"stop"}},
		{2, "not both", []string{"stop", "--all", "toy"}},
		{2, "--patience 0s", []string{"stop", "--all", "--patience", "0s"}},
		{1, "there is no such run", []string{"stop", "none"}},
		{1, "is no name for a run", []string{"stop", "../etc"}},
	} {
		if _, stderr, code := gantry(t, c.args...); code != c.code || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("gantry %v: exit code %d and %q; want %d and one line with %q", c.args, code, stderr, c.code, c.want)
		}
	}
}
