package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/gan"
	"gantry.local/gan/gantest"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/racing"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)

// Environment variables that tell a process of the test binary what to be.
const (
	envPlan   = "GANTRY_TEST_PLAN"   // the experiment, for the run's process too
	envClient = "GANTRY_TEST_CLIENT" // a client that trains for so many steps, as a cell does
)

// plan is what the runs of a test are.
type plan struct {
	Name       string
	Backend    string
	Batch      int
	Hinge      bool
	Checkpoint time.Duration
	Idle       time.Duration
	Changed    lab.Changed
	Broken     bool
	Pictures   bool    // see pictured
	Attach     bool    // its program attaches by name
	Game       string  // see description
	L1         float64 // of a translation
	Measure    int     // see lab.RunOptions.MeasureEvery
}

func (p plan) experiment() gan.Experiment {
	if p.Pictures {
		return pictured()
	}
	exp := recipe.Toy()
	exp.BatchSize = 16
	if p.Batch > 0 {
		exp.BatchSize = p.Batch
	}
	if p.Hinge {
		exp.Loss = loss.Hinge
	}
	if p.Broken {
		exp.Generator = recipe.MLP().Generator
	}
	return exp
}

func (p plan) options() lab.RunOptions {
	return lab.RunOptions{Name: p.Name, Backend: p.Backend, Checkpoint: p.Checkpoint, Idle: p.Idle, Changed: p.Changed, MeasureEvery: p.Measure,
		Args: []string{"-test.run=^$"}}
}

// with is the plan for a run of another name.
func (p plan) with(name string) plan {
	p.Name = name
	return p
}

func TestMain(m *testing.M) {
	resident, is := lab.Resident()
	text := os.Getenv(envPlan)
	steps := os.Getenv(envClient)
	if !is && steps == "" {
		os.Exit(m.Run())
	}
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	switch {
	case is && steps == "":
		if p.Name == "" {
			p.Name = resident
		}
		if p.Attach {
			lab.Attach(resident) // does not return
		}
		_, err := lab.OpenWith(p.description(), p.options()) // does not return
		fmt.Fprintln(os.Stderr, "lab: Open returned in the run's process:", err)
		os.Exit(1)
	default:
		cell(p, steps)
	}
}

// cell is the program of a notebook's cell; it comes to the same Open in the run's process.
func cell(p plan, steps string) {
	var n, m int
	fmt.Sscanf(steps, "%d %d", &n, &m)
	fmt.Println("the cell begins")
	if m > 0 { // two runs in one cell
		first, err := lab.OpenWith(p.experiment(), p.with("first").options())
		fail(err)
		fail(first.Train(m))
	}
	if p.Broken && n == 0 {
		lab.Open(p.experiment())
	}
	r, err := lab.OpenWith(p.experiment(), p.options())
	fail(err)
	s, err := r.Status()
	fail(err)
	fmt.Println("open", s.Pid)
	fail(r.Train(n))
	if m < 0 { // a fork in the same cell
		branch, err := r.Fork("branch", func(e *gan.Experiment) { e.Loss = loss.Hinge })
		fail(err)
		fail(branch.Train(-m))
	}
	fmt.Println("trained")
	os.Exit(0)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runs puts a test's runs into a folder of its own, and ends their processes with the test.
func runs(t testing.TB) {
	t.Helper()
	t.Setenv(lab.EnvRuns, t.TempDir())
	t.Cleanup(func() {
		all, err := lab.List()
		if err != nil {
			t.Error(err)
		}
		for _, l := range all {
			if _, _, err := lab.EndRun(l.Name, 5*time.Second); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				log, _ := os.ReadFile(filepath.Join(l.Dir, "log"))
				t.Logf("the log of run %s:\n%s", l.Name, log)
			}
		}
	})
}

func (p plan) tell(t testing.TB) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envPlan, string(text))
}

// open opens the run of the plan.
func (p plan) open(t testing.TB) *lab.Run {
	t.Helper()
	p.tell(t)
	r, err := lab.OpenWith(p.description(), p.options())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// client starts a process that trains as a cell does.
type client struct {
	*exec.Cmd
	log   bytes.Buffer
	lines *bufio.Scanner
}

func (p plan) client(t testing.TB, steps string) *client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.tell(t)
	c := &client{Cmd: exec.Command(self, "-test.run=^$")}
	c.Env = append(os.Environ(), envClient+"="+steps)
	c.Stderr = &c.log
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewScanner(stdout)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// until reads what the client prints up to a line that begins with text.
func (c *client) until(t testing.TB, text string) string {
	t.Helper()
	for c.lines.Scan() {
		if strings.HasPrefix(c.lines.Text(), text) {
			return c.lines.Text()
		}
	}
	err := c.Wait() // its log is whole then
	t.Fatalf("the client ended before it printed %q: %v: %s", text, err, c.log.String())
	return ""
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	const patience = 2 * time.Minute // with the race detector, on a machine that others use
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

func status(t testing.TB, r *lab.Run) lab.Status {
	t.Helper()
	s, err := r.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// step waits until the run has passed a step.
func pass(t testing.TB, r *lab.Run, step int) {
	t.Helper()
	eventually(t, fmt.Sprintf("run %s at step %d", r.Name(), step), func() bool { return status(t, r).Step >= step })
}

// checkpoint is the content of the run's checkpoint of a step.
func checkpoint(t testing.TB, r *lab.Run, step int) []byte {
	t.Helper()
	if err := r.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	return state(t, filepath.Join(r.Dir(), "checkpoints", fmt.Sprintf("checkpoint-%010d.safetensors", step)))
}

// state is what a checkpoint says of a run's state: all but how often the run was saved before.
func state(t testing.TB, path string) []byte {
	t.Helper()
	file, err := safetensors.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	delete(file.Metadata, "saved")
	var content bytes.Buffer
	if _, err := file.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// undisturbed trains the plan's experiment in this process and returns its checkpoint and what it reported.
func (p plan) undisturbed(t testing.TB, steps int) (saved []byte, reported []train.Progress) {
	t.Helper()
	trainer, err := gan.NewTrainer(gantest.Open(t, p.Backend), p.experiment())
	if err != nil {
		t.Fatal(err)
	}
	for progress, err := range trainer.Train(t.Context(), steps) {
		if err != nil {
			t.Fatal(err)
		}
		progress.StepsPerSecond = 0
		reported = append(reported, progress)
	}
	dir := t.TempDir()
	if err := trainer.Save(dir); err != nil {
		t.Fatal(err)
	}
	return state(t, trainer.LastCheckpoint()), reported
}

// whole wants the run's history to be that of an undisturbed one: no gap, no duplicate, every number the same.
func whole(t testing.TB, r *lab.Run, want []train.Progress) {
	t.Helper()
	got, err := r.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("the history has %d records, want %d", len(got), len(want))
	}
	seconds := 0.0
	for i, m := range got {
		m.StepsPerSecond = 0
		if !reflect.DeepEqual(m.Progress, want[i]) || m.Calls != i+1 {
			t.Fatalf("record %d is call %d with %+v, want %+v", i+1, m.Calls, m.Progress, want[i])
		}
		if m.Seconds <= seconds {
			t.Fatalf("record %d is at %g s, after %g s", i+1, m.Seconds, seconds)
		}
		seconds = m.Seconds
	}
}

// TestOpen opens a run, trains, attaches again, and wants what an undisturbed run of the library gives, bit for bit.
func TestOpen(t *testing.T) {
	for _, backend := range []string{"xla:cpu", "go"} {
		t.Run(backend, func(t *testing.T) {
			runs(t)
			p := plan{Name: "one", Backend: backend}
			begin := time.Now()
			r := p.open(t)
			first := time.Since(begin)
			if s := status(t, r); s.State != lab.Paused || s.Step != 0 || s.Pid == os.Getpid() || s.Latent != 2 || s.Memory <= 0 || s.Device == "" {
				t.Errorf("a new run is %+v", s)
			}
			if err := r.Train(30); err != nil {
				t.Fatal(err)
			}
			begin = time.Now()
			r = p.open(t)
			t.Logf("first Open %v, attached again in %v", first, time.Since(begin))
			if err := r.Train(20); err != nil {
				t.Fatal(err)
			}
			saved, reported := p.undisturbed(t, 50)
			whole(t, r, reported)
			if !bytes.Equal(saved, checkpoint(t, r, 50)) {
				t.Error("the weights after 50 steps are not those of an undisturbed run")
			}
			images, err := r.Sample(10, 3)
			if err != nil || images.N != 10 || images.Channels != 2 {
				t.Errorf("10 samples are %d of %d×%d×%d (%v)", images.N, images.Height, images.Width, images.Channels, err)
			}
			made, err := r.Generate(train.Latents(10, 2, 3), nil)
			if err != nil || !bytes.Equal(fmt.Append(nil, images), fmt.Append(nil, made)) {
				t.Errorf("the latents of seed 3 gave other samples than the seed (%v)", err)
			}
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
			if s := status(t, r); s.State != lab.Ended || s.Step != 50 || s.Pid != 0 {
				t.Errorf("after Stop it is %v", s)
			}
			whole(t, r, reported) // from the folder
			r = p.open(t)
			if s := status(t, r); s.Step != 50 || r.Notice() != "" {
				t.Errorf("opened again after Stop it is at step %d, with the notice %q", s.Step, r.Notice())
			}
		})
	}
}

// TestWrongUse wants one clear line.
func TestWrongUse(t *testing.T) {
	runs(t)
	r := plan{Name: "r", Backend: "go"}.open(t)
	_, attached := lab.Attach("none")
	_, badName := lab.Attach("../etc")
	tpu := plan{Name: "b", Backend: "tpu"}
	tpu.tell(t)
	_, noBackend := lab.OpenWith(tpu.experiment(), tpu.options())
	broken := plan{Name: "broken", Backend: "go", Broken: true}
	broken.tell(t)
	_, misfit := lab.OpenWith(broken.experiment(), broken.options())
	_, rewind := r.Rewind(7)
	_, sample := r.Sample(0, 1)
	_, generate := r.Generate([]float32{1, 2, 3}, nil)
	_, fork := r.Fork("r", nil)
	for _, c := range []struct {
		err  error
		want string
	}{
		{r.Train(0), "cannot train for 0 steps"},
		{r.TrainAsync(-1), "cannot train for -1 steps"},
		{r.TrainAlone(method.CriticName, 0), "cannot make 0 steps"},
		{r.Set("speed", 1), `there is no setting "speed": use one of critic.rate, generator.rate`},
		{r.Set("critic.rate", -1), "cannot be -1"},
		{r.SetLoss("hing"), `unknown loss "hing": did you mean hinge? use one of`},
		{r.Resume(), "nothing more was asked of it"},
		{rewind, "has no step 7 to go back to"},
		{sample, "cannot draw 0 samples"},
		{generate, "no multiple of the 2 components"},
		{fork, "a fork needs a name of its own"},
		{attached, "there is no such run"},
		{badName, "is no name for a run: use letters"},
		{noBackend, `unknown backend "tpu"`},
		{misfit, "makes images of"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q", c.err, c.want)
		}
	}
	if s := status(t, r); s.State != lab.Paused || s.Step != 0 {
		t.Errorf("after wrong use the run is %v", s)
	}
}

// TestTogether has a second client train, sample, set and look while the first trains.
func TestTogether(t *testing.T) {
	runs(t)
	p := plan{Name: "shared", Backend: "go"}
	first := p.open(t)
	const long = 1_000_000
	if err := first.TrainAsync(long); err != nil {
		t.Fatal(err)
	}
	second, err := lab.Attach("shared")
	if err != nil {
		t.Fatal(err)
	}
	pass(t, second, 20)
	if err := second.TrainAsync(long); err != nil { // the cell, run again
		t.Fatal(err)
	}
	if s := status(t, second); s.Target != long || s.State != lab.Training || s.StepsPerSecond <= 0 {
		t.Errorf("TrainAsync(%d) twice: %v, want the target to stay", long, s)
	}
	if err := second.TrainAlone(method.CriticName, 1); err == nil || !strings.Contains(err.Error(), "pause it first") {
		t.Errorf("a step of the critic while it trains: %v", err)
	}
	var all sync.WaitGroup
	for seed := range int64(4) {
		all.Go(func() {
			a, err := first.Sample(20, seed)
			if err != nil || a.N != 20 {
				t.Errorf("sampling while it trains: %v", err)
			}
			if err := second.Set(method.CriticRate, 1e-3+float64(seed)*1e-4); err != nil {
				t.Errorf("setting a rate while it trains: %v", err)
			}
		})
	}
	all.Wait()
	seen := 0
	for e, err := range second.Follow(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range e.Metrics {
			if seen++; m.Calls != seen {
				t.Fatalf("Follow yields call %d after %d", m.Calls, seen-1)
			}
		}
		if seen > 200 {
			break
		}
	}
	begin := time.Now()
	if err := second.Pause(); err != nil || time.Since(begin) > racing.Slower*time.Second {
		t.Errorf("pausing took %v: %v", time.Since(begin), err)
	}
	s := status(t, first)
	if s.State != lab.Paused || s.Target != long || s.Checkpointed != s.Step {
		t.Errorf("after Pause it is %v with a checkpoint of step %d, want it paused and saved", s, s.Checkpointed)
	}
	if err := first.Wait(t.Context(), long); !errors.Is(err, lab.ErrPaused) {
		t.Errorf("waiting for a paused run: %v, want ErrPaused", err)
	}
	if err := first.TrainAlone(method.GeneratorName, 3); err != nil {
		t.Error(err)
	}
	if err := first.TrainAlone(method.CriticName, 2); err != nil {
		t.Error(err)
	}
	if now := status(t, first); now.Step != s.Step || now.Calls != s.Calls+5 {
		t.Errorf("5 steps of one network alone led from %d, %d to step %d, call %d", s.Step, s.Calls, now.Step, now.Calls)
	}
	if err := first.Resume(); err != nil {
		t.Fatal(err)
	}
	pass(t, second, s.Step+5)
	if err := second.TrainTo(s.Step + 10); err != nil { // less than what it trains for
		t.Error(err)
	}
	if now := status(t, first); now.State != lab.Training {
		t.Errorf("TrainTo ended what the other client trains for: %v", now)
	}
}

// TestKilledClients kills clients that train, over and over: the run goes on as if nothing had happened.
func TestKilledClients(t *testing.T) {
	runs(t)
	const kills, long = 20, 1_000_000
	p := plan{Name: "undying", Backend: "go"}
	r := p.open(t)
	pid := status(t, r).Pid
	random := rand.New(rand.NewPCG(1, 2))
	if err := r.TrainAsync(long); err != nil {
		t.Fatal(err)
	}
	for range kills {
		c := p.client(t, fmt.Sprint(long))
		c.until(t, "open")
		pass(t, r, status(t, r).Step+random.IntN(10))
		if s := status(t, r); s.State != lab.Training || s.Target != long || s.Pid != pid {
			t.Errorf("with a client that is about to be killed it is %v in process %d, want it to train on to %d in %d", s, s.Pid, long, pid)
		}
		c.Process.Kill()
		c.Wait()
	}
	if err := r.Pause(); err != nil {
		t.Fatal(err)
	}
	end := status(t, r).Step
	saved, reported := p.undisturbed(t, end)
	whole(t, r, reported)
	if !bytes.Equal(saved, checkpoint(t, r, end)) {
		t.Errorf("the weights after %d steps are not those of an undisturbed run", end)
	}
}

// TestKilledResident kills the run's process over and over. Opening it again goes on from the last checkpoint and says
// what was lost, and in the end the run is an undisturbed one's equal.
func TestKilledResident(t *testing.T) {
	runs(t)
	const kills, every = 25, 40
	p := plan{Name: "reborn", Backend: "go", Checkpoint: racing.Slower * 20 * time.Millisecond} // some steps
	random := rand.New(rand.NewPCG(3, 4))
	target, losses := 0, 0
	var r *lab.Run
	for range kills {
		r = p.open(t)
		if notice := r.Notice(); notice != "" {
			losses++
			if !strings.Contains(notice, "ended unexpectedly after step") || !strings.Contains(notice, "steps are lost") {
				t.Errorf("the notice is %q", notice)
			}
		}
		target += every
		at := status(t, r).Step
		if err := r.TrainAsync(1000); err != nil {
			t.Fatal(err)
		}
		pass(t, r, at+random.IntN(every))
		s := status(t, r)
		if err := syscall.Kill(s.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the process is gone", func() bool { return status(t, r).State == lab.Ended })
	}
	r = p.open(t)
	end := status(t, r).Step + 10
	if err := r.TrainTo(end); err != nil {
		t.Fatal(err)
	}
	if losses == 0 {
		t.Errorf("in %d kills nothing was lost, so nothing was tried", kills)
	}
	saved, reported := p.undisturbed(t, end)
	whole(t, r, reported)
	if !bytes.Equal(saved, checkpoint(t, r, end)) {
		t.Errorf("after %d kills the weights at step %d are not those of an undisturbed run", kills, end)
	}
}

// TestInterrupt interrupts cells that train: each ends, the run is paused, and the cell says where. One that the machine lets
// takes less than a second for that.
func TestInterrupt(t *testing.T) {
	runs(t)
	p := plan{Name: "stopped", Backend: "go"}
	r := p.open(t)
	fastest := time.Hour
	for try := 0; try < 5 && fastest > racing.Slower*time.Second; try++ {
		from := status(t, r).Step
		c := p.client(t, "1000000")
		c.until(t, "open")
		pass(t, r, from+5)
		begin := time.Now()
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		err := c.Wait()
		fastest = min(fastest, time.Since(begin))
		s := status(t, r)
		want := fmt.Sprintf("run stopped: paused after step %d of %d; run.Resume() goes on", s.Step, from+1_000_000)
		if err == nil || !strings.HasSuffix(strings.TrimSpace(c.log.String()), want) || s.State != lab.Paused {
			t.Errorf("interrupted, the cell ended with %v, the run is %v, and it said %q, want %q", err, s, c.log.String(), want)
		}
	}
	if fastest > racing.Slower*time.Second {
		t.Errorf("interrupted, cells end after %s at best, want a second", fastest)
	}
}

// TestInterruptedAsItBegins asks a run to train for a cell that is interrupted before it has its answer: the run is paused, and says where.
func TestInterruptedAsItBegins(t *testing.T) {
	runs(t)
	r := plan{Name: "began", Backend: "go"}.open(t)
	if err := r.TrainAsync(1_000_000); err != nil {
		t.Fatal(err)
	}
	pass(t, r, 5)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := r.TrainShown(ctx, 2_000_000, show.LiveOptions{}, func(lab.Metric, lab.Status) error { return nil })
	s := status(t, r)
	want := fmt.Sprintf("run began: paused after step %d of %d; run.Resume() goes on", s.Step, 2_000_000)
	if !errors.Is(err, lab.ErrPaused) || err.Error() != want || s.State != lab.Paused {
		t.Errorf("interrupted, the run is %v, and the error %v, want %q", s, err, want)
	}
}

// TestBusy asks a run that compiles: it answers at once.
func TestBusy(t *testing.T) {
	runs(t)
	r := plan{Name: "busy", Backend: "xla:cpu"}.open(t)
	if err := r.TrainAsync(1_000_000); err != nil {
		t.Fatal(err)
	}
	pass(t, r, 1)
	compiled := make(chan error, 1)
	go func() { compiled <- r.SetLoss("hinge") }()
	var slowest time.Duration
	for done := false; !done; {
		begin := time.Now()
		status(t, r)
		if err := r.Pause(); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(begin))
		select {
		case err := <-compiled:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
	}
	if slowest > racing.Slower*time.Second {
		t.Errorf("while it compiled, status and pause took %v", slowest)
	}
	eventually(t, "it is paused", func() bool { return status(t, r).State == lab.Paused })
	if s := status(t, r); s.Loss != "hinge" {
		t.Errorf("its loss is %s", s.Loss)
	}
	before := status(t, r).Step
	if err := r.Stop(); err != nil { // the loss is part of the run
		t.Fatal(err)
	}
	r = plan{Name: "busy", Backend: "xla:cpu"}.open(t)
	if s := status(t, r); s.Loss != "hinge" || s.Step != before {
		t.Errorf("opened again its loss is %s at step %d, want hinge at %d", s.Loss, s.Step, before)
	}
}

// TestRewind goes back beyond settings that were changed and steps of one network alone.
func TestRewind(t *testing.T) {
	runs(t)
	p := plan{Name: "back", Backend: "go"}
	r := p.open(t)
	steps := []func() error{
		func() error { return r.TrainTo(10) },
		func() error { return r.Set(method.CriticRate, 5e-4) },
		func() error { return r.TrainTo(14) },
		func() error { return r.TrainAlone(method.CriticName, 3) },
		func() error { return r.Set(method.GeneratorRate, 5e-4) },
		func() error { return r.TrainTo(17) },
		func() error { return r.SetLoss("hinge") },
		func() error { return r.TrainTo(23) },
	}
	for _, do := range steps {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	at23 := checkpoint(t, r, 23)
	metrics, err := r.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.TrainTo(40); err != nil {
		t.Fatal(err)
	}
	// Only the checkpoint of step 0 is left, so that all of it is made again.
	rungs, err := filepath.Glob(filepath.Join(r.Dir(), "ladder", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, rung := range rungs {
		if !strings.HasSuffix(rung, "-0.safetensors") {
			os.Remove(rung)
		}
	}
	r = p.open(t)
	exact, err := r.Rewind(23)
	if err != nil || !exact {
		t.Fatalf("back to step 23: exact %v, %v", exact, err)
	}
	if s := status(t, r); s.Step != 23 || s.State != lab.Paused || s.Loss != "hinge" || s.Settings[method.CriticRate] != 5e-4 {
		t.Errorf("after Rewind it is %v with %v and %s", s, s.Settings, s.Loss)
	}
	if !bytes.Equal(at23, checkpoint(t, r, 23)) {
		t.Error("the state at step 23 is not what it was")
	}
	again, err := r.Metrics()
	if err != nil || len(again) != len(metrics) {
		t.Errorf("the history has %d records (%v), want %d", len(again), err, len(metrics))
	}
	if _, err := r.Rewind(0); err != nil {
		t.Fatal(err)
	}
	if err := r.TrainTo(10); err != nil {
		t.Fatal(err)
	}
	saved, reported := p.undisturbed(t, 10)
	whole(t, r, reported)
	if !bytes.Equal(saved, checkpoint(t, r, 10)) {
		t.Error("from step 0 on it is not an undisturbed run")
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	// As when it is killed on the way back, between removing what is newer and saving.
	if err := os.RemoveAll(filepath.Join(r.Dir(), "checkpoints")); err != nil {
		t.Fatal(err)
	}
	if s := status(t, p.open(t)); s.Step != 10 {
		t.Errorf("without its checkpoints the run goes on at step %d, want 10, from the ladder", s.Step)
	}
}

// TestFork wants a branch that changes nothing to stay equal to its trunk, and one that changes a loss to see the same data.
func TestFork(t *testing.T) {
	runs(t)
	p := plan{Backend: "go"}
	trunk := p.with("trunk").open(t)
	if err := trunk.Train(12); err != nil {
		t.Fatal(err)
	}
	if err := trunk.Set(method.CriticRate, 7e-4); err != nil {
		t.Fatal(err)
	}
	p.tell(t) // without a name: the fork's process opens what it is
	twin, err := trunk.Fork("twin", nil)
	if err != nil {
		t.Fatal(err)
	}
	hinged := p
	hinged.Hinge = true
	hinged.tell(t)
	other, err := trunk.Fork("other", func(e *gan.Experiment) { e.Loss = loss.Hinge })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*lab.Run{trunk, twin, other} {
		if err := r.Train(15); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(checkpoint(t, trunk, 27), checkpoint(t, twin, 27)) {
		t.Error("a branch that changes nothing went another way")
	}
	ofTrunk, _ := trunk.Metrics()
	ofOther, err := other.Metrics()
	if err != nil || len(ofOther) != 27 || !slices.Equal(ofOther[11].Numbers, ofTrunk[11].Numbers) {
		t.Errorf("the branch's history has %d records (%v), want the trunk's 12 and its own 15", len(ofOther), err)
	}
	if ofOther[12].At(method.RealLogit) != ofTrunk[12].At(method.RealLogit) || ofOther[12].At(method.FakeLogit) != ofTrunk[12].At(method.FakeLogit) {
		t.Error("the first step after the fork saw other batches or latents")
	}
	if bytes.Equal(checkpoint(t, trunk, 27), checkpoint(t, other, 27)) || status(t, other).Loss != "hinge" {
		t.Error("the branch with another loss trained as the trunk did")
	}
	again, err := trunk.Fork("other", func(e *gan.Experiment) { e.Loss = loss.Hinge }) // the cell, run again
	if err != nil || status(t, again).Step != 27 {
		t.Errorf("forking again: %v", err)
	}
}

// TestChanged opens a run with another experiment.
func TestChanged(t *testing.T) {
	runs(t)
	p := plan{Name: "mlp", Backend: "go"}
	r := p.open(t)
	if err := r.Train(9); err != nil {
		t.Fatal(err)
	}
	q := p
	q.Batch, q.Hinge = 32, true
	for _, dead := range []bool{false, true} {
		if dead {
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		q.tell(t)
		_, err := lab.OpenWith(q.experiment(), q.options())
		if !errors.Is(err, lab.ErrChanged) {
			t.Fatalf("opened with another experiment: %v", err)
		}
		for _, want := range []string{"batch size: 16 → 32", "loss: non-saturating → hinge", "lab.RunOptions{Changed: lab.CarryOver}",
			`lab.ForkAs("mlp-2")`, "lab.StartAnew"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error does not have %q: %v", want, err)
			}
		}
	}
	r = p.open(t)
	pid := status(t, r).Pid

	q.Changed = lab.ForkAs("mlp-2")
	for range 2 { // the cell, run again
		fork := q.open(t)
		if s := status(t, fork); s.Name != "mlp-2" || s.Step != 9 || s.BatchSize != 32 || s.Loss != "hinge" {
			t.Errorf("the fork is %v with batch %d and %s", s, s.BatchSize, s.Loss)
		}
	}
	if s := status(t, r); s.Pid != pid || s.BatchSize != 16 {
		t.Errorf("the fork's parent is %v", s)
	}

	q.Changed = lab.CarryOver
	r = q.open(t)
	if s := status(t, r); s.Step != 9 || s.BatchSize != 32 || s.Loss != "hinge" || !strings.Contains(r.Notice(), "goes on at step 9 with all of its weights") {
		t.Errorf("carried over it is %v with batch %d and %s: %q", s, s.BatchSize, s.Loss, r.Notice())
	}
	pid = status(t, r).Pid
	if r = q.open(t); status(t, r).Pid != pid { // there is no change any more
		t.Error("CarryOver without a change started another process")
	}

	p.Changed = lab.StartAnew
	r = p.open(t)
	_, aside, found := strings.Cut(r.Notice(), "lies in ")
	if s := status(t, r); s.Step != 0 || s.BatchSize != 16 || !found {
		t.Errorf("begun anew it is %v: %q", s, r.Notice())
	}
	if _, err := os.Stat(filepath.Join(aside, "history")); err != nil {
		t.Errorf("the old run is not where it is said to be: %v", err)
	}
}

// TestOneProcess opens a run from many processes at once.
func TestOneProcess(t *testing.T) {
	runs(t)
	p := plan{Name: "crowd", Backend: "go"}
	var clients []*client
	for range 4 {
		clients = append(clients, p.client(t, "20"))
	}
	pids := map[string]bool{}
	for _, c := range clients {
		pids[c.until(t, "open")] = true
		c.until(t, "trained")
		if err := c.Wait(); err != nil {
			t.Error(err, c.log.String())
		}
	}
	if len(pids) != 1 {
		t.Errorf("they saw the processes %v, want one", pids)
	}
	r, err := lab.Attach("crowd")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all processes but one have given way", func() bool { // else one takes the run that the test ends
		log, _ := os.ReadFile(filepath.Join(r.Dir(), "log"))
		return bytes.Count(log, []byte("the cell begins")) == 1+bytes.Count(log, []byte("another process keeps this run"))
	})
}

// TestTwoRuns opens two runs in one cell: what the second's process repeats of the cell does not train the first again.
func TestTwoRuns(t *testing.T) {
	runs(t)
	p := plan{Name: "second", Backend: "go"}
	t.Setenv(envClient, "7 5") // for the runs' processes too
	c := p.client(t, "7 5")
	c.until(t, "trained")
	if err := c.Wait(); err != nil {
		t.Fatal(err, c.log.String())
	}
	for name, want := range map[string]int{"first": 5, "second": 7} {
		r, err := lab.Attach(name)
		if err != nil {
			t.Fatal(err)
		}
		if s := status(t, r); s.Step != want {
			t.Errorf("run %s is at step %d, want %d", name, s.Step, want)
		}
		log, err := os.ReadFile(filepath.Join(r.Dir(), "log"))
		if err != nil || strings.Count(string(log), "the cell begins") != 1 {
			t.Errorf("run %s: what its program printed is not in its log: %q (%v)", name, log, err)
		}
	}
	// Ended, a run can be started by name alone.
	if _, _, err := lab.EndRun("first", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	r, err := lab.Attach("first")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Train(5); err != nil || status(t, r).Step != 10 {
		t.Errorf("attached by name and trained: %v, %v", status(t, r), err)
	}
}

// TestForkInCell forks in the cell that has trained the trunk: what the fork's process repeats of the cell changes nothing.
func TestForkInCell(t *testing.T) {
	runs(t)
	p := plan{Name: "trunk", Backend: "go"}
	t.Setenv(envClient, "5 -3") // for the runs' processes too
	for round := range 2 {      // the cell, run again
		c := p.client(t, "5 -3")
		c.until(t, "trained")
		if err := c.Wait(); err != nil {
			t.Fatal(err, c.log.String())
		}
		for name, want := range map[string]struct {
			step int
			loss string
		}{"trunk": {5 * (round + 1), "non-saturating"}, "branch": {5 + 3*(round+1), "hinge"}} {
			r, err := lab.Attach(name)
			if err != nil {
				t.Fatal(err)
			}
			if s := status(t, r); s.Step != want.step || s.Loss != want.loss {
				t.Errorf("run %s is at step %d with %s, want step %d with %s", name, s.Step, s.Loss, want.step, want.loss)
			}
		}
	}
}

// TestVersion speaks to a run's process as another version does, and to a process of another version.
func TestVersion(t *testing.T) {
	runs(t)
	r := plan{Name: "old", Backend: "go"}.open(t)
	conn, err := net.Dial("unix", filepath.Join(r.Dir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(frame(`{"Version":99,"Op":"pause"}`)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(answer, []byte(`"Kind":"version"`)) || !bytes.Contains(answer, []byte("speaks version 3 and this program version 99")) {
		t.Errorf("a client of version 99 is answered %q (%v)", answer, err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(r.Dir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 4096)) // the whole request, which is one write
			conn.Write(frame(`{"Version":99}`))
			conn.Close()
		}
	}()
	p := plan{Name: "old", Backend: "go"}
	_, err = lab.OpenWith(p.experiment(), p.options())
	if err == nil || !strings.Contains(err.Error(), "speaks version 99, this program version 3): end it by `gantry stop old`") {
		t.Errorf("a process of version 99: %v", err)
	}
}

// frame is a message without bytes, as it goes over the socket.
func frame(text string) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	return append(append(head, 0, 0, 0, 0), text...)
}

// TestGivesUp wants a cell whose Open fails to end with one line and exit code 1.
func TestGivesUp(t *testing.T) {
	runs(t)
	p := plan{Name: "toy", Backend: "go", Broken: true}
	c := p.client(t, "0")
	c.until(t, "the cell")
	err := c.Wait()
	if c.ProcessState.ExitCode() != 1 || strings.Count(c.log.String(), "\n") != 1 || !strings.HasPrefix(c.log.String(), "lab: ") {
		t.Errorf("it ended with %v and said %q", err, c.log.String())
	}
}

// TestIdle lets a run be idle: it saves and ends by itself.
func TestIdle(t *testing.T) {
	runs(t)
	p := plan{Name: "idle", Backend: "go", Idle: 300 * time.Millisecond}
	r := p.open(t)
	if err := r.Train(5); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it ended", func() bool { // without a request, which would be a client
		all, err := filepath.Glob(filepath.Join(r.Dir(), "socket"))
		return err == nil && len(all) == 0
	})
	r = p.open(t)
	if s := status(t, r); s.Step != 5 || r.Notice() != "" {
		t.Errorf("opened again it is %v, %q", s, r.Notice())
	}
	if err := r.TrainAsync(1_000_000); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	eventually(t, "half a second has passed", func() bool { return time.Since(begin) > 500*time.Millisecond })
	if s := status(t, r); s.State != lab.Training {
		t.Errorf("a run that trains without a client is %v", s)
	}
}

// TestLongPath keeps runs in a folder whose path no socket could have.
func TestLongPath(t *testing.T) {
	runs(t)
	dir := filepath.Join(os.Getenv(lab.EnvRuns), strings.Repeat("long/", 40))
	t.Setenv(lab.EnvRuns, dir)
	r := plan{Name: "deep", Backend: "go"}.open(t)
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{r.Dir(): 0o700 | os.ModeDir, filepath.Join(r.Dir(), "socket"): 0o600 | os.ModeSocket,
		filepath.Join(r.Dir(), "history"): 0o600, filepath.Join(r.Dir(), "log"): 0o600} {
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v (%v), want %v", path, info.Mode(), err, want)
		}
	}
	if _, _, err := lab.EndRun("deep", 5*time.Second); err != nil {
		t.Error(err)
	}
}

// TestLeavesNothing attaches forty times and ends the run, and counts descriptors, goroutines and processes.
func TestLeavesNothing(t *testing.T) {
	runs(t)
	p := plan{Name: "clean", Backend: "go"}
	r := p.open(t)
	if err := r.Train(2); err != nil {
		t.Fatal(err)
	}
	pid := status(t, r).Pid
	descriptors := func(pid int) int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	here, there, goroutines := descriptors(os.Getpid()), descriptors(pid), runtime.NumGoroutine()
	for range 40 {
		r := p.open(t)
		if err := r.Train(1); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "no more descriptors and goroutines than before, and no client but who asks", func() bool {
		return descriptors(os.Getpid()) <= here && descriptors(pid) <= there && runtime.NumGoroutine() <= goroutines &&
			status(t, r).Clients == 1 // an answered request counts until its goroutine has ended
	})
	if s := status(t, r); s.Step != 42 || s.Pid != pid {
		t.Errorf("after 40 cycles it is %v", s)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(r.Dir(), "socket")); err == nil {
		t.Error("the socket is left behind")
	}
	eventually(t, "the process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}
