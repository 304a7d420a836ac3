package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/sweep"
)

// specFile writes a spec into a folder of its own and returns its path and the sweep's folder.
func specFile(t *testing.T, text string) (path, dir string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, strings.TrimSuffix(path, ".json")
}

// sweepOf runs `gantry sweep --json` and returns its rows.
func sweepOf(t *testing.T, want int, args ...string) (rows []trialRecord, stderr string) {
	t.Helper()
	stdout, stderr, code := gantry(t, append([]string{"sweep", "--json"}, args...)...)
	if code != want {
		t.Fatalf("gantry sweep %q: exit code %d, want %d: %s", args, code, want, stderr)
	}
	decoder := json.NewDecoder(strings.NewReader(stdout))
	for decoder.More() {
		var r trialRecord
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows, stderr
}

// processes is how many processes the trials have had, by trial.json.
func processes(t *testing.T, dir string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "trial.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var o sweep.Outcome
		if err := json.Unmarshal(read(t, file), &o); err != nil {
			t.Fatal(err)
		}
		n += o.Attempts
	}
	return n
}

const fourTrials = `{"train": {"recipe": "toy", "backend": "go", "data": "ring,n=500"}, "grid": {"batch": [16, 32]}, "seeds": 2,
	"steps": %d, "metric": "critic_loss", "best": "greatest", "slots": 2}`

// TestSweep trains four trials, and wants what `gantry train` makes of each, the table, and nothing done twice. Then it asks for more steps
// and one more value.
func TestSweep(t *testing.T) {
	spec, dir := specFile(t, fmt.Sprintf(fourTrials, 20))
	rows, stderr := sweepOf(t, 0, spec)
	if len(rows) != 4 || strings.Count(stderr, ": done, critic_loss") != 4 {
		t.Fatalf("%d rows and %s", len(rows), stderr)
	}
	best := rows[0]
	for _, r := range rows {
		if r.State != sweep.Done || r.Step != 20 || r.Metric == nil || r.Problem != "" {
			t.Errorf("trial %d: %+v", r.Trial, r)
		}
		if *r.Metric > *best.Metric {
			best = r
		}
	}
	if !best.Best {
		t.Errorf("trial %d has the greatest value and is not the best: %+v", best.Trial, rows)
	}
	alone := filepath.Join(t.TempDir(), "alone")
	stdout, stderr, code := gantry(t, "train", "--recipe", "toy", "--backend", "go", "--data", "ring,n=500", "--batch", "32", "--seed", "1", "--steps", "20", "--json", "--out", alone)
	var last reported
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || code != 0 {
		t.Fatalf("%v: %s", err, stderr)
	}
	if of := rows[3]; of.Settings["batch"] != "32" || of.Settings["seed"] != "1" || *of.Metric != last.CriticLoss {
		t.Errorf("trial 3 is %+v, and trained by hand its critic loss is %v", of, last.CriticLoss)
	}
	table, err := csv.NewReader(bytes.NewReader(read(t, filepath.Join(dir, sweep.CSVFile)))).ReadAll()
	if err != nil || len(table) != 5 || table[0][0] != "trial" {
		t.Errorf("the CSV is %v (%v)", table, err)
	}
	page := string(read(t, filepath.Join(dir, sweep.PageFile)))
	if strings.Count(page, "<polyline") != 5 || strings.Contains(page, "http://") && !strings.Contains(page, "http://www.w3.org/2000/svg") {
		t.Errorf("the page has no line for each trial and the best so far:\n%s", page)
	}

	before := processes(t, dir)
	if again, stderr := sweepOf(t, 0, spec); processes(t, dir) != before || stderr != "" || *again[3].Metric != *rows[3].Metric {
		t.Errorf("again: %d processes, %d before: %s", processes(t, dir), before, stderr)
	}
	if err := os.WriteFile(spec, []byte(strings.Replace(fmt.Sprintf(fourTrials, 30), "[16, 32]", "[16, 32, 64]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, _ = sweepOf(t, 0, spec)
	if n := processes(t, dir); len(rows) != 6 || rows[0].Step != 30 || n != before+6 {
		t.Errorf("for more: %d processes after %d, rows %+v", n, before, rows)
	}
	if rows, _ = sweepOf(t, 0, dir); len(rows) != 6 || processes(t, dir) != before+6 {
		t.Errorf("by its folder it has %d rows", len(rows))
	}
	if listed, _, code := gantry(t, "runs", dir); code != 0 || strings.Count(listed, "\n") != 7 {
		t.Errorf("gantry runs: %s", listed)
	}
}

// TestSweepGoesOn has a trial that its data refuses, one that diverges, and one whose process is killed: the others go on, and the table says
// what became of whom.
func TestSweepGoesOn(t *testing.T) {
	spec, dir := specFile(t, `{"train": {"recipe": "toy", "backend": "go", "batch": 32}, "grid": {"data": ["ring,n=400", "ring,n=20", "ring,n=500", "ring,n=600"]},
		"steps": 800, "metric": "critic_loss", "best": "greatest", "slots": 3}`)
	c := command(t, "sweep", spec, "--json")
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	trials := map[string]string{} // folder of each data set
	eventually(t, "three trials that train", func() bool {
		s, err := sweep.Load(dir)
		if err != nil {
			return false
		}
		training := 0
		for _, r := range s.Rows() {
			trials[string(r.Settings["data"])] = filepath.Join(dir, r.Name)
			if r.State == sweep.Training && r.Step > 0 {
				training++
			}
		}
		return training == 3
	})
	run, err := lab.Attach(trials["ring,n=500"])
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Set("critic.rate", 1e30); err != nil {
		t.Fatal(err)
	}
	killed, err := lab.Attach(trials["ring,n=600"])
	if err != nil {
		t.Fatal(err)
	}
	status, err := killed.Status()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(status.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != sweep.CodeSame {
		t.Fatalf("exit code %d (%v), want %d: %s", c.ProcessState.ExitCode(), err, sweep.CodeSame, log.String())
	}
	var rows []trialRecord
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var r trialRecord
		if err := decoder.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	for i, want := range []struct {
		state   sweep.State
		problem string
	}{{sweep.Done, ""}, {sweep.Refused, "a step takes"}, {sweep.Diverged, "no longer finite"}, {sweep.Done, ""}} {
		if rows[i].State != want.state || !strings.Contains(rows[i].Problem, want.problem) || want.problem == "" && rows[i].Step != 800 {
			t.Errorf("trial %d is %+v, want %s with %q", i, rows[i], want.state, want.problem)
		}
	}
	if n := processes(t, dir); n != 5 {
		t.Errorf("the trials had %d processes, want 5: one of each, and one more for who was killed", n)
	}
	if !strings.Contains(log.String(), "gantry: 4 trials to step 800: 2 done, 1 diverged, 1 refused") {
		t.Errorf("it says %s", log.String())
	}
	if _, stderr := sweepOf(t, sweep.CodeSame, spec); strings.Count(stderr, "trial 1 of 4") != 1 || strings.Contains(stderr, "trial 2 of") {
		t.Errorf("again it says %s", stderr)
	}
}

// TestSweepInterrupted presses Ctrl-C while two trials train and two wait: all is saved, and the same command goes on.
func TestSweepInterrupted(t *testing.T) {
	spec, dir := specFile(t, fmt.Sprintf(fourTrials, 1_000_000))
	c := command(t, "sweep", spec)
	var log bytes.Buffer
	c.Stderr = &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var s *sweep.Sweep
	eventually(t, "two trials that train", func() bool {
		var err error
		if s, err = sweep.Load(dir); err != nil {
			return false
		}
		rows := s.Rows()
		return rows[0].Step > 0 && rows[1].Step > 0
	})
	if _, stderr, code := gantry(t, "sweep", spec); code != 1 || !strings.Contains(stderr, "another `gantry sweep` is at work") {
		t.Errorf("a second sweep: exit code %d: %s", code, stderr)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != sweep.CodeInterrupted || !strings.Contains(log.String(), "gantry: interrupted; ") {
		t.Fatalf("exit code %d (%v): %s", c.ProcessState.ExitCode(), err, log.String())
	}
	want := []sweep.State{sweep.Interrupted, sweep.Interrupted, sweep.Waiting, sweep.Waiting}
	for i, r := range s.Rows() {
		if r.State != want[i] {
			t.Errorf("trial %d is %s (%s), want %s", i, r.State, r.Problem, want[i])
		}
	}
	if err := os.WriteFile(spec, []byte(fmt.Sprintf(fourTrials, 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if rows, _ := sweepOf(t, 0, spec); rows[0].Step < 10 || rows[3].Step != 10 {
		t.Errorf("gone on, the rows are %+v", rows)
	}
}

// TestSweepTrial runs one trial as a task of an array does.
func TestSweepTrial(t *testing.T) {
	spec, dir := specFile(t, fmt.Sprintf(fourTrials, 10))
	stdout, stderr, code := gantry(t, "sweep", spec, "--trial", "2", "--until", "5")
	if code != 0 || !strings.Contains(stdout, `"step":5`) {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, name := range []string{"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"} {
		c := command(t, "sweep", spec, "--trial", "index")
		c.Env = append(c.Env, name+"=2")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	s, err := sweep.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range s.Rows() {
		if want := map[bool]sweep.State{true: sweep.Done, false: sweep.Waiting}[i == 2]; r.State != want {
			t.Errorf("trial %d is %s, want %s", i, r.State, want)
		}
	}
	wantMisuse(t, "--trial 4: want 0 to 3", "sweep", spec, "--trial", "4")
	wantMisuse(t, "this is no task of an array", "sweep", spec, "--trial", "index")
	refused, _ := specFile(t, `{"train": {"recipe": "toy", "backend": "go", "data": "ring,n=20"}, "steps": 5, "metric": "critic_loss", "best": "least"}`)
	if _, stderr, code := gantry(t, "sweep", refused, "--trial", "0"); code != sweep.CodeWrong || !strings.Contains(stderr, "a step takes") {
		t.Errorf("a trial that is refused: exit code %d: %s", code, stderr)
	}
	private, _ := specFile(t, `{"train": {"recipe": "toy", "backend": "go"}, "steps": 5, "metric": "epsilon", "best": "least"}`)
	if _, stderr := sweepOf(t, sweep.CodeNoMetric, private); !strings.Contains(stderr, "no trial has the metric epsilon") {
		t.Errorf("it says %s", stderr)
	}
}

// TestWrongSweeps are specs that cannot be carried out.
func TestWrongSweeps(t *testing.T) {
	const end = `, "steps": 3, "metric": "critic_loss", "best": "least"}`
	for text, want := range map[string]string{
		`{"train": {"bacth": 3}` + end:                     `a trial has no setting "bacth"; did you mean batch?`,
		`{"train": {"out": "x"}` + end:                     `a trial has no setting "out"`,
		`{"grid": {"batch": [8, 8.0]}` + end:               "trials 0 and 1 are the same: batch 8",
		`{"grid": {"batch": [-3]}` + end:                   "trial 0: --batch -3: want at least 1",
		`{"grid": {"batch": ["x"]}` + end:                  "trial 0: --batch \"x\": want a whole number; see `gantry train --help`",
		`{"grid": {"recipe": ["toy", "toi"]}` + end:        `trial 1: unknown recipe "toi"`,
		`{"train": {"max-time": 5}` + end:                  `--max-time "5": want a time`,
		`{"steps": 3, "metric": "loss", "best": "least"}`:  `no trial prints a metric "loss"`,
		`{"steps": 3, "metric": "critic_los", "best": ""}`: `did you mean critic_loss?`,
	} {
		spec, _ := specFile(t, text)
		wantMisuse(t, want, "sweep", spec, "--out", "sweep")
	}
	wantMisuse(t, "there is no spec", "sweep", "/nowhere.json")
	wantMisuse(t, "holds no sweep", "sweep", t.TempDir())
	wantMisuse(t, `--engine "kubernets": want`, "sweep", "/nowhere.json", "--engine", "kubernets")
	wantMisuse(t, "--python goes with one of --engine ray and --mlflow", "sweep", "/nowhere.json", "--python", "python3")
	wantMisuse(t, "--python goes with one of --engine ray and --mlflow", "sweep", "/nowhere.json", "--python", "python3", "--engine", "ray", "--mlflow", "x")
	wantMisuse(t, "--sqlite and --mlflow write the results of a whole sweep", "sweep", "/nowhere.json", "--sqlite", "x.db", "--trial", "0")
	spec, _ := specFile(t, `{"train": {"recipe": "toy"}`+end)
	wantMisuse(t, "Katib needs a setting to choose", "sweep", spec, "--export", "katib")
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within 90 s", what)
		}
	}
}
