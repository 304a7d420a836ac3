//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
)

// ordinary is what befalls most runs.
func ordinary() []fault {
	return []fault{
		{"run killed (kill -9)", 5, (*keeper).killed},
		{"run killed, eight clients at once", 1, (*keeper).crowded},
		{"run stopped and continued", 4, (*keeper).stopped},
		{"run ended and opened", 2, (*keeper).ended},
		{"run told to terminate", 2, (*keeper).terminated},
		{"run paused, sampled, gone on", 2, (*keeper).used},
		{"newest checkpoint damaged", 2, (*keeper).newestDamaged},
		{"all checkpoints damaged", 1, (*keeper).allDamaged},
		{"folder deleted while training", 1, (*keeper).folderDeleted},
		{"client of a run killed", 3, (*keeper).clientKilled},
		{"client of a run stopped", 2, (*keeper).clientStopped},
		{"run forked", 1, (*keeper).forked},
		{"hostile peers of a run", 3, (*keeper).hostilePeers},
	}
}

// compiled is what befalls a run on XLA, which takes longer to open.
func compiled() []fault {
	return []fault{
		{"run killed (kill -9)", 2, (*keeper).killed},
		{"run stopped and continued", 2, (*keeper).stopped},
		{"run told to terminate", 1, (*keeper).terminated},
		{"run paused, sampled, gone on", 4, (*keeper).used},
		{"client of a run killed", 3, (*keeper).clientKilled},
		{"hostile peers of a run", 2, (*keeper).hostilePeers},
	}
}

// call is one of a client, by name.
type call struct {
	name string
	do   func() error
}

// calls makes them one after the other.
func (k *keeper) calls(all ...call) error {
	for _, c := range all {
		if err := k.ledger.timed(c.name, c.do); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// pid is the run's process.
func (k *keeper) pid() (int, lab.Status, error) {
	s, err := k.status()
	if err == nil && s.Pid == 0 {
		err = errors.New("it has no process")
	}
	k.least = max(k.least, s.Checkpointed)
	return s.Pid, s, err
}

// kill ends the run's process and waits until it is gone.
func (k *keeper) kill() error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	return k.gone(pid)
}

func (k *keeper) gone(pid int) error {
	for deadline := time.Now().Add(patience); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d is still there after %s", pid, patience)
		}
	}
	return nil
}

// alive tells whether a process lives; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// resume opens the run after its process has gone, and wants it where it may be: no further back than least, and, where
// the newest checkpoint is good, no more training lost than lies between two checkpoints.
func (k *keeper) resume(least int, whole bool) error {
	before, err := k.run.Metrics() // from the folder
	if err != nil {
		return fmt.Errorf("metrics of a run without a process: %w", err)
	}
	if err := k.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s, err := k.status()
	if err != nil {
		return err
	}
	if s.Step < least {
		return fmt.Errorf("it is resumed at step %d, and step %d was saved; it says %q", s.Step, least, s.Notice)
	}
	if s.Step >= len(before) {
		k.ledger.lost(0, 0)
		return nil
	}
	seconds, longest := before[len(before)-1].Seconds, 0.0
	if s.Step > 0 {
		seconds -= before[s.Step-1].Seconds
	}
	for i := s.Step + 1; i < len(before); i++ {
		longest = max(longest, before[i].Seconds-before[i-1].Seconds)
	}
	if !whole {
		return nil
	}
	k.ledger.lost(len(before)-s.Step, seconds)
	if limit := interval.Seconds() + longest; seconds > limit {
		return fmt.Errorf("it lost %d steps, %.2f s of training, and saves each %s", len(before)-s.Step, seconds, interval)
	}
	return nil
}

func (k *keeper) killed(context.Context) error {
	if err := k.kill(); err != nil {
		return err
	}
	return k.resume(k.least, true)
}

// crowded has many clients open a run that was killed: it gets one process.
func (k *keeper) crowded(context.Context) error {
	if err := k.kill(); err != nil {
		return err
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	pids := map[int]bool{}
	var failed error
	for range 8 {
		all.Go(func() {
			err := k.ledger.timed("open, eight at once", func() error {
				r, err := lab.OpenWith(experiment(), k.options())
				if err != nil {
					return err
				}
				s, err := r.Status()
				mu.Lock()
				defer mu.Unlock()
				pids[s.Pid] = true
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	if failed == nil && len(pids) != 1 {
		failed = fmt.Errorf("it has %d processes", len(pids))
	}
	return errors.Join(failed, k.resume(k.least, true))
}

// stopped stops the run's process for a while; clients come back meanwhile, with an answer or a reason.
func (k *keeper) stopped(ctx context.Context) error {
	pid, before, err := k.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	milliseconds := 200 + k.rnd.IntN(1500)
	if k.rnd.IntN(5) == 0 {
		milliseconds = int((patience + 2*time.Second).Milliseconds())
	}
	name := k.runName()
	var asking sync.WaitGroup
	for call, do := range map[string]func() error{
		"status of a stopped run":  func() error { _, err := k.run.Status(); return err },
		"sample of a stopped run":  func() error { _, err := k.run.Sample(4, 1); return err },
		"open of a stopped run":    func() error { _, err := lab.OpenWith(experiment(), k.options()); return err },
		"list with a stopped run":  func() error { return listed(name) },
		"pause of a stopped run":   func() error { return k.run.Pause() },
		"metrics of a stopped run": func() error { _, err := k.run.Metrics(); return err },
	} {
		asking.Go(func() { k.ledger.timed(call, do) })
	}
	pause(ctx, milliseconds)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		return fmt.Errorf("it ended while it was stopped: %w", err)
	}
	asking.Wait()
	_, after, err := k.pid()
	if err != nil {
		return err
	}
	if after.Pid != pid || after.Step < before.Step {
		return fmt.Errorf("before process %d at step %d, after it %d at %d", pid, before.Step, after.Pid, after.Step)
	}
	return nil
}

// listed wants the run in the list of runs, as one that has a process.
func listed(name string) error {
	t, err := lab.List()
	if err != nil {
		return err
	}
	for _, l := range t {
		if l.Name == name && l.Living {
			return nil
		}
	}
	return fmt.Errorf("run %s is not in the list of runs, or as one without a process", name)
}

func (k *keeper) ended(context.Context) error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	if err := k.ledger.timed("stop", k.run.Stop); err != nil {
		return err
	}
	if err := k.gone(pid); err != nil {
		return err
	}
	all, err := k.run.Metrics()
	if err != nil {
		return err
	}
	return k.resume(len(all), true)
}

// terminated is what the end of a container or a session does.
func (k *keeper) terminated(context.Context) error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	if err := k.gone(pid); err != nil {
		return err
	}
	all, err := k.run.Metrics()
	if err != nil {
		return err
	}
	return k.resume(len(all), true)
}

func (k *keeper) used(context.Context) error {
	err := k.calls(
		call{"sample", func() error { _, err := k.run.Sample(16, int64(k.rnd.IntN(100))); return err }},
		call{"checkpoint", k.run.Checkpoint},
		call{"pause", k.run.Pause},
		call{"list", func() error { return listed(k.runName()) }})
	if err != nil {
		return err
	}
	s, err := k.status()
	if err != nil || s.Step < 2 {
		return err
	}
	to := max(0, s.Step-1-k.rnd.IntN(50))
	return k.ledger.timed("rewind", func() error {
		exact, err := k.run.Rewind(to)
		if err == nil && !exact {
			err = fmt.Errorf("the way back to step %d was not exact", to)
		}
		k.least = 0 // it is another state now that counts
		return err
	})
}

// checkpoints are the files of the run's checkpoints, the newest last, and then of its ladder.
func (k *keeper) checkpoints() (newest []string, ladder []string, err error) {
	saved, err := train.Checkpoints(filepath.Join(k.dir, "checkpoints"))
	if errors.Is(err, train.ErrNoCheckpoint) {
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	for _, c := range saved {
		newest = append(newest, c.Path)
	}
	ladder, err = filepath.Glob(filepath.Join(k.dir, "ladder", "*.safetensors"))
	return newest, ladder, err
}

// damage does to a file what a disk may.
func (k *keeper) damage(path string) error {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 { // it cannot get worse
		return err
	}
	switch k.rnd.IntN(4) {
	case 0:
		content = content[:k.rnd.IntN(len(content))]
	case 1:
		content[k.rnd.IntN(len(content))] ^= 1 << k.rnd.IntN(8)
	case 2:
		clear(content[k.rnd.IntN(len(content)):])
		content[len(content)-1] ^= 1
	case 3:
		content = nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) // in place: whoever shares the file sees it
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// newestDamaged wants the run to go on from the checkpoint before.
func (k *keeper) newestDamaged(context.Context) error {
	if err := k.kill(); err != nil {
		return err
	}
	saved, err := train.Checkpoints(filepath.Join(k.dir, "checkpoints"))
	if err != nil {
		return err
	}
	saved = slices.DeleteFunc(saved, func(c train.Checkpoint) bool { // damaged before
		_, err := safetensors.Load(c.Path)
		return err != nil
	})
	least := 0
	if len(saved) > 1 {
		least = saved[len(saved)-2].Step
	}
	if len(saved) <= 1 {
		return k.resume(k.least, true) // damage to the only one is allDamaged
	}
	if err := k.damage(saved[len(saved)-1].Path); err != nil {
		return err
	}
	k.least = least
	return k.resume(least, false)
}

// allDamaged wants a run whose checkpoints are all damaged to be refused and left as it is, and to go on once they are
// put right.
func (k *keeper) allDamaged(context.Context) error {
	if err := k.kill(); err != nil {
		return err
	}
	newest, ladder, err := k.checkpoints()
	if err != nil {
		return err
	}
	whole, damaged := map[string][]byte{}, map[string][]byte{}
	for _, path := range append(newest, ladder...) {
		if whole[path], err = os.ReadFile(path); err != nil {
			return err
		}
	}
	for path := range whole {
		if err := k.damage(path); err != nil && len(whole[path]) > 0 {
			return err
		}
	}
	for path, content := range whole {
		if damaged[path], err = os.ReadFile(path); err != nil {
			return err
		}
		if string(damaged[path]) == string(content) { // two links to one file, damaged twice
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
		}
	}
	for path := range whole {
		if damaged[path], err = os.ReadFile(path); err != nil {
			return err
		}
	}
	opened := k.ledger.timed("open, all checkpoints damaged", func() error {
		_, err := lab.OpenWith(experiment(), k.options())
		return err
	})
	if opened == nil {
		s, _ := k.status()
		return fmt.Errorf("the run was opened, at step %d", s.Step)
	}
	for path, content := range damaged {
		if now, err := os.ReadFile(path); err != nil || string(now) != string(content) {
			return fmt.Errorf("%s was changed (%v) though the run was refused: %w", filepath.Base(path), err, opened)
		}
	}
	for path, content := range whole {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, content, 0o600)); err != nil {
			return err
		}
	}
	return k.resume(k.least, true)
}

// folderDeleted wants the process of a run to end whose folder is gone, and its name to be free.
func (k *keeper) folderDeleted(context.Context) error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	for range 100 { // it may be writing
		if err = os.RemoveAll(k.dir); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := k.gone(pid); err != nil {
		return fmt.Errorf("its folder is gone: %w", err)
	}
	if _, err := os.Lstat(k.dir); !errors.Is(err, fs.ErrNotExist) {
		os.RemoveAll(k.dir) // by the lock of one that saved a last time
	}
	k.least = 0
	if err := k.open(); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s, err := k.status()
	if err == nil && s.Step != 0 {
		err = fmt.Errorf("it begins at step %d", s.Step)
	}
	return err
}

// forked makes a second run from this one, which equals it from there on.
func (k *keeper) forked(context.Context) error {
	name := k.runName() + "-fork"
	var fork *lab.Run
	err := k.ledger.timed("fork", func() (err error) {
		fork, err = k.run.Fork(name, nil)
		return err
	})
	if err != nil {
		return err
	}
	defer os.RemoveAll(fork.Dir())
	if err := k.ledger.within(stepsPatience, "steps, watched by a client", func() error {
		s, err := fork.Status()
		if err != nil {
			return err
		}
		return fork.TrainTo(s.Step + 20)
	}); err != nil {
		return fmt.Errorf("train the fork: %w", err)
	}
	metrics, err := fork.Metrics()
	if err == nil {
		err = k.twin.equals(metrics)
	}
	return errors.Join(err, k.ledger.timed("stop", fork.Stop))
}
