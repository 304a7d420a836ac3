package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/lab"
)

// TestOneFormat has runs of `gantry train` and of the lab, living and stopped, used by the other.
func TestOneFormat(t *testing.T) {
	runs := t.TempDir()
	t.Setenv(lab.EnvRuns, runs)
	dir := filepath.Join(runs, "toy") // the name that this test binary, as a run's process, opens
	training, _, out, log := training(t, "train", "--recipe", "toy", "--backend", "go", "--steps", "1000000", "--out", dir, "--json")
	go func() { var rest bytes.Buffer; rest.ReadFrom(out) }()

	r, err := lab.Attach("toy")
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Status()
	if err != nil || s.State != lab.Training || s.Pid != training.Process.Pid || s.Target != 1_000_000 {
		t.Errorf("attached, it is %+v (%v)", s, err)
	}
	if images, err := r.Sample(3, 1); err != nil || images.N != 3 {
		t.Errorf("samples of it: %v", err)
	}
	if stdout, _ := must(t, "runs", "--json"); !strings.Contains(stdout, fmt.Sprintf(`"pid":%d,`, s.Pid)) {
		t.Errorf("it is listed as %s", stdout)
	}
	file := filepath.Join(t.TempDir(), "a")
	both := func(what string) {
		t.Helper()
		must(t, "sample", "--run", dir, "--n", "3", "--out", file+".npy")
		must(t, "sample", "--run", dir, "--n", "3", "--out", file+".png")
		must(t, "export", "--run", dir, "--out", file+".onnx")
		must(t, "export", "--run", dir, "--out", file+".safetensors")
		for _, ending := range []string{".npy", ".png", ".onnx", ".safetensors"} {
			if info, err := os.Stat(file + ending); err != nil || info.Size() < 100 {
				t.Errorf("%s: %s: %v", what, ending, err)
			}
			os.Remove(file + ending)
		}
	}
	both("while gantry train trains")
	if _, stderr := must(t, "train", "--resume", "--steps", "5", "--out", dir); !strings.Contains(stderr, "already") {
		t.Errorf("attaching by --resume says %q", stderr)
	}
	if stdout, _ := must(t, "stop", "toy"); stdout != "run toy is saved and has ended\n" {
		t.Errorf("stop says %q", stdout)
	}
	if err := training.Wait(); training.ProcessState.ExitCode() != 1 || !strings.Contains(log.String(), "stopped by another process") {
		t.Errorf("stopped, gantry train ended with %v: %s", err, log.String())
	}
	both("stopped")

	exp := recipe.Toy() // in a notebook
	if r, err = lab.OpenWith(exp, lab.RunOptions{Backend: "go", Args: []string{"-test.run=^$"}}); err != nil {
		t.Fatal(err)
	}
	now, err := r.Status()
	if err != nil || now.Step < s.Step || r.Notice() != "" {
		t.Fatalf("opened in a notebook it is at step %d, %q (%v)", now.Step, r.Notice(), err)
	}
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	both("living in the lab")
	to := fmt.Sprint(now.Step + 6)
	if _, stderr := must(t, "train", "--resume", "--steps", to, "--out", dir); !strings.Contains(stderr, "step "+to+" of "+to) {
		t.Errorf("training on a living run of the lab says %q", stderr)
	}
	if again, err := r.Status(); err != nil || again.State != lab.Paused || again.Step != now.Step+6 {
		t.Errorf("then it is %v (%v)", again, err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	both("stopped in the lab")
	to = fmt.Sprint(now.Step + 8)
	must(t, "train", "--resume", "--backend", "go", "--steps", to, "--out", dir)
	if metrics, err := r.Metrics(); err != nil || len(metrics) != now.Step+8 {
		t.Errorf("the history has %d records (%v), want %d", len(metrics), err, now.Step+8)
	}

	// An experiment that no recipe makes: its own program is asked.
	path := filepath.Join(dir, "run.json")
	text := bytes.Replace(read(t, path), []byte(`"recipe": "toy"`), []byte(`"recipe": ""`), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	both("of an own experiment")
	if lab.Lives(dir) {
		t.Error("the process that was started to be asked lives on")
	}
}

// TestTerm sends SIGTERM to a training: it saves, and no step is lost.
func TestTerm(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c := command(t, "train", "--recipe", "toy", "--backend", "go", "--steps", "1000000", "--out", dir, "--json")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.Stderr = &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(out)
	var last reported
	if err := lines.Decode(&last); err != nil {
		t.Fatalf("no progress: %v\n%s", err, log.String())
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for lines.Decode(&last) == nil {
	}
	c.Wait()
	_, after, found := strings.Cut(log.String(), "interrupted; step ")
	saved := 0
	if _, err := fmt.Sscanf(after, "%d is saved, go on with --resume", &saved); !found || err != nil || saved < last.Step || c.ProcessState.ExitCode() != 1 {
		t.Errorf("after step %d: exit code %d and %q", last.Step, c.ProcessState.ExitCode(), log.String())
	}
	if _, stderr := must(t, "train", "--resume", "--backend", "go", "--steps", "1", "--out", dir); !strings.Contains(stderr, fmt.Sprintf("resuming at step %d\n", saved)) {
		t.Errorf("resumed, it says %q", stderr)
	}
}
