package lab_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/internal/racing"
	"gantry.local/kernel-ext/lab"
)

const patience = racing.Slower * 15 * time.Second // of every call

// inTime fails when do takes longer than a call may, and returns its error.
func inTime(t *testing.T, what string, do func() error) error {
	t.Helper()
	begin := time.Now()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		t.Logf("%s came back after %v: %v", what, time.Since(begin).Round(time.Millisecond), err)
		return err
	case <-time.After(patience):
		t.Errorf("%s has not come back within %s", what, patience)
		return nil
	}
}

// TestStoppedRun stops a run's process by SIGSTOP while it trains: every call comes back with what is the matter, and
// ending the run loses nothing.
func TestStoppedRun(t *testing.T) {
	runs(t)
	p := plan{Name: "still", Backend: "go"}
	r := p.open(t)
	training := make(chan error, 1)
	go func() { training <- r.Train(1_000_000) }()
	pass(t, r, 5)
	s := status(t, r)
	if err := hostile.Freeze(t.Context(), s.Pid); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("run still is stopped (SIGSTOP), process %d: continue it by `kill -CONT %d`, or save and end it by `gantry stop still`", s.Pid, s.Pid)
	for what, do := range map[string]func() error{
		"training": func() error { return <-training },
		"status":   func() error { _, err := r.Status(); return err },
		"attach":   func() error { _, err := lab.Attach("still"); return err },
		"open":     func() error { _, err := lab.OpenWith(p.experiment(), p.options()); return err },
		"pause":    r.Pause,
		"stop":     r.Stop,
		"begin":    func() error { return r.TrainAsync(5) },
		"sample":   func() error { _, err := r.Sample(1, 1); return err },
	} {
		if err := inTime(t, what, do); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	inTime(t, "listing", func() error {
		all, err := lab.List()
		if err != nil || len(all) != 1 || !all[0].Living || !all[0].Hung || !all[0].Stopped || all[0].Pid != s.Pid ||
			!strings.Contains(all.String(), "stopped") {
			t.Errorf("it is listed as %+v (%v)", all, err)
		}
		return err
	})
	found, killed, err := lab.EndRun("still", 10*time.Second)
	if !found || killed || err != nil {
		t.Errorf("ending it: found %v, killed %v, %v; want it continued, saved and ended", found, killed, err)
	}
	r = p.open(t)
	if now := status(t, r); now.Step < s.Step || r.Notice() != "" {
		t.Errorf("opened again it is at step %d with the notice %q, want step %d or more", now.Step, r.Notice(), s.Step)
	}
}

// TestHungRun has a process that has the lock and listens, and never answers, and one that does not even listen.
func TestHungRun(t *testing.T) {
	runs(t)
	for name, listens := range map[string]bool{"deaf": true, "absent": false} {
		dir := filepath.Join(os.Getenv(lab.EnvRuns), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		lock := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
		if held, err := lock.TryLock(); !held || err != nil {
			t.Fatal(err)
		}
		defer lock.Unlock()
		if err := os.WriteFile(lock.Path(), fmt.Append(nil, os.Getpid()), 0o600); err != nil {
			t.Fatal(err)
		}
		if listens {
			l, err := net.Listen("unix", filepath.Join(dir, "socket"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
		}
		want := fmt.Sprintf("run %s hangs, process %d: `gantry stop %s` ends it", name, os.Getpid(), name)
		p := plan{Name: name, Backend: "go"}
		for what, do := range map[string]func() error{
			"attach": func() error { _, err := lab.Attach(name); return err },
			"open":   func() error { _, err := lab.OpenWith(p.experiment(), p.options()); return err },
			"list": func() error {
				all, err := lab.List()
				for _, l := range all {
					if l.Name == name && l.Hung && !l.Stopped {
						return errors.New(l.Problem)
					}
				}
				return errors.Join(err, fmt.Errorf("listed as %v", all))
			},
		} {
			if err := inTime(t, what, do); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %q", what, err, want)
			}
		}
		lock.Unlock()
		os.RemoveAll(dir)
	}
}

// TestTerminate sends SIGTERM while a run trains, rests, draws a million samples, goes back, and compiles: it ends soon, and
// no step is lost.
func TestTerminate(t *testing.T) {
	for what, do := range map[string]func(t *testing.T, r *lab.Run){
		"training": func(t *testing.T, r *lab.Run) {
			if err := r.TrainAsync(1_000_000); err != nil {
				t.Fatal(err)
			}
			pass(t, r, 30)
		},
		"at rest":  func(t *testing.T, r *lab.Run) {},
		"sampling": func(t *testing.T, r *lab.Run) { go r.Sample(1_000_000, 1) },
		"going back": func(t *testing.T, r *lab.Run) {
			go r.Rewind(1)
		},
		"compiling": func(t *testing.T, r *lab.Run) { go r.SetLoss("hinge") },
	} {
		t.Run(what, func(t *testing.T) {
			runs(t)
			p := plan{Name: "ended", Backend: "go"}
			r := p.open(t)
			if err := r.Train(20); err != nil {
				t.Fatal(err)
			}
			do(t, r)
			s := status(t, r)
			begin := time.Now()
			if err := syscall.Kill(s.Pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			eventually(t, "its process has ended", func() bool { return syscall.Kill(s.Pid, 0) != nil })
			if took := time.Since(begin); took > racing.Slower*9*time.Second {
				t.Errorf("it took %v to end", took)
			}
			if log, err := os.ReadFile(filepath.Join(r.Dir(), "log")); err != nil || len(log) > 0 {
				t.Errorf("its last words are %q (%v)", log, err)
			}
			if ended := status(t, r); ended.State != lab.Ended || ended.Checkpointed != ended.Step {
				t.Errorf("its last checkpoint is of step %d: %v", ended.Checkpointed, ended)
			}
			r = p.open(t)
			now := status(t, r)
			least := s.Step
			if what == "going back" { // it may have come there
				least = 1
			}
			if now.Step < least || r.Notice() != "" {
				t.Errorf("opened again it is at step %d with the notice %q, want step %d", now.Step, r.Notice(), least)
			}
			if history, err := r.Metrics(); err != nil || len(history) != now.Calls {
				t.Errorf("the history has %d records (%v) for %d calls", len(history), err, now.Calls)
			}
		})
	}
}

// TestHostileNumbers asks a run for what no run can do: each is an error, and the run lives.
func TestHostileNumbers(t *testing.T) {
	runs(t)
	r := plan{Name: "hard", Backend: "go"}.open(t)
	if err := r.Train(3); err != nil {
		t.Fatal(err)
	}
	before := status(t, r)
	for _, n := range []int{1e12, 1 << 62, -1, 1_000_001} {
		if _, err := r.Sample(n, 0); err == nil || !strings.HasPrefix(err.Error(), "cannot draw") {
			t.Errorf("%d samples: %v", n, err)
		}
	}
	if _, err := r.ONNX(-1); err == nil {
		t.Error("a model for -1 images was exported")
	}
	for _, args := range []string{
		`"train","Args":{"N":-5}`, `"train","Args":{"N":9223372036854775807}`, `"train","Args":{"To":-1}`, `"train","Args":{"N":1,"To":1}`,
		`"train","Args":{"N":1e999}`, `"train","Args":{"N":2,"Kind":77}`, `"train","Args":{}`, `"train","Args":null`, `"train"`,
		`"sample","Args":{"N":1000000000000}`, `"sample","Args":{"Z":[1]}`, `"sample","Args":{"Z":[1e39,1]}`, `"sample","Args":{"Z":[]}`,
		`"sample","Args":{"Z":[1,2],"Classes":[9]}`, `"sample","Args":{"N":1,"As":"exe"}`, `"sample","Args":[]`,
		`"rewind","Args":-3`, `"rewind","Args":9223372036854775807`, `"rewind","Args":null,"Pid":-1`, `"set","Args":{"Name":"critic.rate","Value":-1}`,
		`"set","Args":{"Name":"critic.rate","Value":1e999}`, `"export","Args":-1`, `"export","Args":9223372036854775807`,
		`"follow","Args":{"After":-9223372036854775808}`, `"host","Args":{"What":"x"}`, `"branch","Args":""`, `"figure","Args":{"Until":-1}`,
		`"weights","Args":"\u0000"`, `"weights","Args":""`, `"weights","Args":"."`, `"branch","Args":"."`, `"nonsense"`, `"wait","Args":{"Kind":255,"Until":-9}`,
	} {
		conn, err := net.Dial("unix", filepath.Join(r.Dir(), "socket"))
		if err != nil {
			t.Fatalf("after %s: %v", args, err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(frame(fmt.Sprintf(`{"Version":2,"Op":%s}`, args)))
		if _, err := io.ReadFull(conn, make([]byte, 8)); err != nil {
			t.Errorf("%s: %v, want an answer", args, err)
		}
		conn.Close()
	}
	for _, raw := range [][]byte{nil, {1}, bytes.Repeat([]byte{0xff}, 64), binary.BigEndian.AppendUint64(nil, 1<<62),
		append(binary.BigEndian.AppendUint64(nil, 64<<20<<32), "short"...), frame("{"), frame("[]"), frame(strings.Repeat("[", 100_000))} {
		conn, err := net.Dial("unix", filepath.Join(r.Dir(), "socket"))
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(raw)
		conn.Close()
	}
	if now := status(t, r); now.Pid != before.Pid || now.Step < before.Step-3 {
		t.Errorf("the run is %v, was %v", now, before)
	}
	for _, left := range []string{"run.json", "checkpoints", "generator.safetensors"} { // in the process's working folder, which is this one's
		if _, err := os.Lstat(left); err == nil {
			t.Errorf("a request without a folder wrote %s", left)
		}
	}
}

// flip damages a file in its middle.
func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // the same file, so that its other names are damaged too
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func all(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %v, %v", pattern, paths, err)
	}
	return paths
}

// TestDamagedRun damages what a run keeps, one thing after another.
func TestDamagedRun(t *testing.T) {
	p := plan{Name: "hurt", Backend: "go", Checkpoint: time.Hour}
	trained := func(t *testing.T) *lab.Run {
		runs(t)
		r := p.open(t)
		for _, step := range []int{10, 20, 30} {
			if err := r.TrainTo(step); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		return r
	}
	again := func(t *testing.T, step int, notice string) {
		t.Helper()
		r := p.open(t)
		if s := status(t, r); s.Step != step || !strings.Contains(r.Notice(), notice) {
			t.Errorf("it is at step %d with the notice %q, want step %d and %q", s.Step, r.Notice(), step, notice)
		}
		if err := r.TrainTo(40); err != nil {
			t.Error(err)
		}
	}
	t.Run("newest checkpoint", func(t *testing.T) {
		r := trained(t)
		flip(t, filepath.Join(r.Dir(), "checkpoints", "checkpoint-0000000030.safetensors"))
		again(t, 20, "using the checkpoint before it, of step 20")
	})
	t.Run("both checkpoints", func(t *testing.T) { // and with them the rungs, which are the same files
		r := trained(t)
		for _, path := range all(t, filepath.Join(r.Dir(), "checkpoints", "*.safetensors")) {
			flip(t, path)
		}
		again(t, 10, "using the checkpoint before it, of step 10")
	})
	t.Run("everything", func(t *testing.T) {
		r := trained(t)
		weights, err := os.ReadFile(filepath.Join(r.Dir(), "generator.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range append(all(t, filepath.Join(r.Dir(), "checkpoints", "*")), all(t, filepath.Join(r.Dir(), "ladder", "*"))...) {
			if err := os.Truncate(path, 1000); err != nil {
				t.Fatal(err)
			}
		}
		p.tell(t)
		_, err = lab.OpenWith(p.experiment(), p.options())
		if err == nil || !strings.Contains(err.Error(), "no checkpoint is whole") || !strings.Contains(err.Error(), "lab.FromWeights") ||
			!strings.Contains(err.Error(), "lab.StartAnew") || strings.Contains(err.Error(), "\n") {
			t.Errorf("it says %v", err)
		}
		if now, err := os.ReadFile(filepath.Join(r.Dir(), "generator.safetensors")); err != nil || !bytes.Equal(now, weights) {
			t.Errorf("the whole weights are not what they were (%v)", err)
		}
		from := p
		from.Changed = lab.FromWeights
		r = from.open(t)
		if s := status(t, r); s.Step != 30 || !strings.Contains(r.Notice(), "from the weights") {
			t.Errorf("from the weights it is at step %d: %q", s.Step, r.Notice())
		}
	})
	t.Run("checkpoints deleted", func(t *testing.T) {
		r := trained(t)
		os.RemoveAll(filepath.Join(r.Dir(), "checkpoints"))
		os.RemoveAll(filepath.Join(r.Dir(), "ladder"))
		p.tell(t)
		if _, err := lab.OpenWith(p.experiment(), p.options()); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("with its weights alone: %v", err)
		}
		anew := p
		anew.Changed = lab.StartAnew
		if r = anew.open(t); status(t, r).Step != 0 || !strings.Contains(r.Notice(), ".aside") {
			t.Errorf("begun anew it is %v, %q", r, r.Notice())
		}
	})
	t.Run("run.json", func(t *testing.T) {
		for _, content := range []string{"", "{", "[]", "{}", `{"recipe":7}`} {
			r := trained(t)
			if err := os.WriteFile(filepath.Join(r.Dir(), "run.json"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if listed, err := lab.List(); err != nil || len(listed) != 1 || listed[0].Word() != "damaged" {
				t.Errorf("with %q in run.json it is listed as %v (%v)", content, listed, err)
			}
			again(t, 30, "run.json is damaged")
		}
	})
	t.Run("history", func(t *testing.T) {
		for _, test := range []struct {
			left   float64 // of the records; -0.5: half of the names before them; -1: nothing
			notice string
		}{{-1, "lacks its last 30 steps"}, {-0.5, "lacks its last 30 steps"}, {6.2, "lacks its last 24 steps"}, {10, "lacks its last 20 steps"}} {
			r := trained(t)
			path := filepath.Join(r.Dir(), "history")
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			names := bytes.IndexByte(whole, '\n') + 1
			size := float64(names) + test.left*float64(len(whole)-names)/30
			if test.left < 0 {
				size = float64(names) * (1 + test.left)
			}
			if err := os.Truncate(path, int64(size)); err != nil {
				t.Fatal(err)
			}
			again(t, 30, test.notice)
			r, err = lab.Attach("hurt")
			if err != nil {
				t.Fatal(err)
			}
			if metrics, err := r.Metrics(); err != nil || len(metrics) != 40 || metrics[39].Step != 40 {
				t.Errorf("the history has %d records (%v)", len(metrics), err)
			}
			if _, err := r.Rewind(25); err == nil || !strings.Contains(err.Error(), "has no step 25") {
				t.Errorf("going back to a step whose record was lost: %v", err)
			}
			if exact, err := r.Rewind(35); err != nil || !exact {
				t.Errorf("going back to one after: %v, %v", exact, err)
			}
		}
	})
	t.Run("weights of a stopped run", func(t *testing.T) {
		r := trained(t)
		dir := t.TempDir()
		if err := r.SaveWeights(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"generator.safetensors", "critic.safetensors"} {
			got, errGot := safetensors.Load(filepath.Join(dir, name))
			want, errWant := safetensors.Load(filepath.Join(r.Dir(), name))
			if err := errors.Join(errGot, errWant); err != nil || len(got.Tensors) != len(want.Tensors) || len(got.Tensors) == 0 {
				t.Fatalf("%s: %v", name, err)
			}
			for _, w := range want.Tensors {
				if g, found := got.Tensor(w.Name); !found || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("%s: %s differs", name, w.Name)
				}
			}
		}
		if w := train.WeightsIn(dir, method.GeneratorName, method.CriticName); !w.Whole() || w.Step != 30 {
			t.Errorf("the weights are %v", w)
		}
	})
}

// TestFailedRewind lets the way back fail in its middle, in what is made again and in what is removed: the run and its history
// stay at the same step.
func TestFailedRewind(t *testing.T) {
	p := plan{Name: "back", Backend: "go", Checkpoint: time.Hour}
	for what, fails := range map[string]func(t *testing.T, r *lab.Run) (at int, repair func()){
		"a change that cannot be made again": func(t *testing.T, r *lab.Run) (int, func()) {
			f, err := os.OpenFile(filepath.Join(r.Dir(), "changes"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(f, `{"Calls":13,"Name":"no such setting","Value":1}`)
			f.Close()
			if _, err := r.Rewind(15); err == nil || !strings.Contains(err.Error(), "no such setting") {
				t.Errorf("going back: %v", err)
			}
			return 20, func() {}
		},
		"a checkpoint that cannot be removed": func(t *testing.T, r *lab.Run) (int, func()) {
			obstacle := filepath.Join(r.Dir(), "checkpoints", "checkpoint-in the way")
			if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Rewind(15); !errors.Is(err, lab.ErrUnsaved) {
				t.Errorf("going back: %v, want ErrUnsaved", err)
			}
			if err := r.Train(1); !errors.Is(err, lab.ErrPaused) {
				t.Errorf("training on: %v, want ErrPaused", err)
			}
			return 15, func() { os.RemoveAll(obstacle) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			runs(t)
			r := p.open(t)
			for _, step := range []int{10, 20} {
				if err := r.TrainTo(step); err != nil {
					t.Fatal(err)
				}
			}
			at, repair := fails(t, r)
			if s := status(t, r); s.Step != at || s.Calls != at || s.State != lab.Paused {
				t.Errorf("it is %v, with %d calls, want it paused at step %d", s, s.Calls, at)
			}
			_, reported := p.undisturbed(t, at)
			whole(t, r, reported)
			repair()
			eventually(t, "it is saved", func() bool { now := status(t, r); return now.Unsaved == "" && now.Checkpointed == at })
			if err := r.TrainTo(25); err != nil {
				t.Error(err)
			}
			saved, reported := p.undisturbed(t, 25)
			whole(t, r, reported)
			if !bytes.Equal(saved, checkpoint(t, r, 25)) {
				t.Error("the weights at step 25 are not those of an undisturbed run")
			}
			if err := r.Stop(); err != nil {
				t.Fatal(err)
			}
			if r = p.open(t); status(t, r).Step != 25 || r.Notice() != "" {
				t.Errorf("opened again it is %v, %q", r, r.Notice())
			}
		})
	}
}

// TestLeftWait leaves while an answer is waited for, at any moment.
func TestLeftWait(t *testing.T) {
	runs(t)
	r := plan{Name: "left", Backend: "go"}.open(t)
	if err := r.TrainAsync(1_000_000); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			ctx, leave := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond/4)
			defer leave()
			if err := r.Wait(ctx, 1_000_000); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestLookedAtWhileItBegins lets another process look whether a run lives at the very moment at which it begins, and take its
// time.
func TestLookedAtWhileItBegins(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "seen")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	look := flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	if shared, err := look.TryRLock(); !shared || err != nil {
		t.Fatal(shared, err)
	}
	time.AfterFunc(time.Second, func() { look.Unlock() })
	k, err := lab.Keep(t.Context(), dir, plan{}.experiment(), lab.RunOptions{Backend: "go"})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.End(); err != nil {
		t.Error(err)
	}
}

// TestNoRoom lets a run find nowhere to save: the steps stay good in memory, it cannot be stopped, and when there is room
// it saves them by itself.
func TestNoRoom(t *testing.T) {
	runs(t)
	p := plan{Name: "full", Backend: "go", Checkpoint: 10 * time.Millisecond}
	r := p.open(t)
	if err := r.Train(10); err != nil {
		t.Fatal(err)
	}
	obstacle := filepath.Join(r.Dir(), "ladder", ".link.tmp") // where a file has to go that is part of saving
	if err := os.MkdirAll(filepath.Join(obstacle, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := r.Train(1_000_000)
	s := status(t, r)
	if !errors.Is(err, lab.ErrPaused) || s.State != lab.Paused || s.Unsaved == "" || s.Step <= 10 {
		t.Errorf("training ended with %v, and it is %v", err, s)
	}
	if err := r.Stop(); !errors.Is(err, lab.ErrUnsaved) {
		t.Errorf("stopping it: %v, want ErrUnsaved", err)
	}
	if found, killed, err := lab.EndRun("full", 5*time.Second); !found || killed || !errors.Is(err, lab.ErrUnsaved) {
		t.Errorf("ending it: %v %v %v, want it left alone", found, killed, err)
	}
	if err := r.Train(5); !errors.Is(err, lab.ErrPaused) {
		t.Errorf("training on: %v", err)
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is saved", func() bool { now := status(t, r); return now.Unsaved == "" && now.Checkpointed == s.Step })
	if err := r.Train(5); err != nil {
		t.Error(err)
	}
	_, reported := p.undisturbed(t, s.Step+5)
	whole(t, r, reported)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	r = p.open(t)
	if now := status(t, r); now.Step != s.Step+5 || r.Notice() != "" {
		t.Errorf("opened again it is at step %d, %q", now.Step, r.Notice())
	}
}

// TestDeletedFolder deletes and moves the folder of a run that trains.
func TestDeletedFolder(t *testing.T) {
	runs(t)
	p := plan{Name: "gone", Backend: "go", Checkpoint: 20 * time.Millisecond}
	begin := func() lab.Status {
		r := p.open(t)
		if err := r.TrainAsync(1_000_000); err != nil {
			t.Fatal(err)
		}
		pass(t, r, 10)
		return status(t, r)
	}
	for range 3 {
		s := begin()
		for err := os.RemoveAll(s.Dir); err != nil; err = os.RemoveAll(s.Dir) { // it writes meanwhile
		}
		eventually(t, "the process is gone", func() bool { return syscall.Kill(s.Pid, 0) != nil })
		if _, err := os.Lstat(s.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is back: %v", err)
		}
	}
	s := begin()
	moved := filepath.Join(filepath.Dir(s.Dir), "elsewhere")
	if err := os.Rename(s.Dir, moved); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is gone", func() bool { return syscall.Kill(s.Pid, 0) != nil })
	r, err := lab.Attach("elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if now := status(t, r); now.Step < s.Step || r.Notice() != "" {
		t.Errorf("moved, it is at step %d, %q; want step %d or more", now.Step, r.Notice(), s.Step)
	}

	s = begin() // the lock and the socket alone
	for _, name := range []string{"lock", "socket"} {
		if err := os.Remove(filepath.Join(s.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it can be reached again", func() bool {
		r, err := lab.Attach("gone")
		return err == nil && status(t, r).Pid == s.Pid
	})
}

// TestForeignFolder wants run folders refused that are links, or that others may write to.
func TestForeignFolder(t *testing.T) {
	runs(t)
	p := plan{Name: "mine", Backend: "go"}
	r := p.open(t)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(filepath.Dir(r.Dir()), "link")
	if err := errors.Join(os.Symlink(r.Dir(), link), os.Chmod(r.Dir(), 0o755)); err != nil {
		t.Fatal(err)
	}
	linked := p.with("link")
	linked.tell(t)
	refused := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "not private to this user") {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	_, err := lab.OpenWith(linked.experiment(), linked.options())
	refused("opening a link", err)
	_, err = lab.Attach("link")
	refused("attaching to a link", err)
	_, _, err = lab.EndRun("link", time.Second)
	refused("ending a link", err)
	if info, err := os.Stat(r.Dir()); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the link's target was changed: %v %v", info, err)
	}
	for _, c := range []struct {
		name string
		mode fs.FileMode
	}{{"", 0o777}, {"program", 0o777}, {"run.json", 0o666}, {"history", 0o620}, {"checkpoints", 0o777}} {
		path := filepath.Join(r.Dir(), c.name)
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, c.mode)
		_, err = lab.Attach("mine")
		refused(c.name+" that others may write to", err)
		os.Chmod(path, before.Mode())
	}
	os.Remove(filepath.Join(r.Dir(), "history"))
	if err := syscall.Mkfifo(filepath.Join(r.Dir(), "history"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := inTime(t, "a pipe", func() error { _, err := lab.Attach("mine"); return err }); err == nil || !strings.Contains(err.Error(), "is not what a run keeps there") {
		t.Errorf("a pipe in the place of the history: %v", err)
	}
	os.Remove(link)
	os.RemoveAll(r.Dir())
}

// TestEarlierRuns opens runs that earlier versions of the lab and of `gantry train` left.
func TestEarlierRuns(t *testing.T) {
	for _, c := range []struct {
		kind        string
		step, calls int
	}{{"lab", 10, 12}, {"train", 8, 8}} {
		t.Run(c.kind, func(t *testing.T) {
			runs(t)
			dir := filepath.Join(os.Getenv(lab.EnvRuns), "old")
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "earlier", c.kind))); err != nil {
				t.Fatal(err)
			}
			closed(t, dir)
			listed, err := lab.List()
			if err != nil || len(listed) != 1 || listed[0].Living || listed[0].Damaged {
				t.Errorf("it is listed as %+v (%v)", listed, err)
			}
			made, notice, err := lab.RecipeIn(dir)
			want := map[string]lab.Recipe{"lab": {Name: "toy", Data: "ring", Batch: 16}, "train": {Name: "toy", Data: "ring,n=500", Batch: 16, Seed: 3}}[c.kind]
			if err != nil || notice != "" || made != want {
				t.Errorf("it is made by %+v, want %+v (%v, %q)", made, want, err, notice)
			}
			weights, err := lab.WeightsOf(dir, func(told string) { notice = told })
			if err != nil || notice != "" || len(weights.Tensors) == 0 {
				t.Errorf("its weights: %v %q", err, notice)
			}
			var r *lab.Run
			if c.kind == "lab" {
				r = plan{Name: "old", Backend: "go"}.open(t)
			} else {
				p := plan{Name: "old", Attach: true}
				t.Setenv("GOMLX_BACKEND", "go")
				p.tell(t)
				if r, err = lab.Attach("old"); err != nil {
					t.Fatal(err)
				}
			}
			s := status(t, r)
			if s.Step != c.step || s.Calls != c.calls || s.BatchSize != 16 || r.Notice() != "" {
				t.Errorf("it is %v with batch %d, %q", s, s.BatchSize, r.Notice())
			}
			if err := r.TrainTo(c.step + 3); err != nil {
				t.Error(err)
			}
			if m, err := r.Metrics(); err != nil || len(m) != c.calls+3 {
				t.Errorf("its history has %d records (%v)", len(m), err)
			}
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// closed closes a copied folder to others.
func closed(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFailedOpenLeavesNothing opens what cannot be trained.
func TestFailedOpenLeavesNothing(t *testing.T) {
	runs(t)
	for _, p := range []plan{{Name: "broken", Backend: "go", Broken: true}, {Name: "nowhere", Backend: "tpu"}} {
		p.tell(t)
		if _, err := lab.OpenWith(p.experiment(), p.options()); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", p.Name, err)
		}
		if entries, err := os.ReadDir(os.Getenv(lab.EnvRuns)); err != nil || len(entries) > 0 {
			t.Errorf("%s left %v (%v)", p.Name, entries, err)
		}
	}
}
