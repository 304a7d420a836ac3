//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
)

// lap is after how many steps the twin keeps its whole state to be compared with.
const lap = 200

// experiment is what every run of the soak trains: small, so that faults and not steps take the time.
func experiment() gan.Experiment {
	exp := recipe.Toy()
	exp.BatchSize, exp.Seed = 16, 7
	return exp
}

// twin is a run that nothing befalls. It trains in this process, as far as somebody wants to compare.
type twin struct {
	mu       sync.Mutex
	trainer  *train.Trainer
	dir      string
	reported []train.Progress
	laps     map[int][sha256.Size]byte // the checkpoints, by step
}

// twins are those of the backends.
type twins struct {
	mu  sync.Mutex
	dir string
	all map[string]*twin
}

func newTwins(dir string) *twins { return &twins{dir: dir, all: map[string]*twin{}} }

func (t *twins) of(backend string) (*twin, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.all[backend]; known != nil {
		return known, nil
	}
	opened, err := device.Open(backend)
	if err != nil {
		return nil, err
	}
	trainer, err := gan.NewTrainer(opened, experiment())
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(t.dir, "twin-")
	if err != nil {
		return nil, err
	}
	t.all[backend] = &twin{trainer: trainer, dir: dir, laps: map[int][sha256.Size]byte{}}
	return t.all[backend], nil
}

// upTo trains until a step and returns what was reported up to there.
func (t *twin) upTo(step int) ([]train.Progress, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for len(t.reported) < step {
		for progress, err := range t.trainer.Train(context.Background(), min(lap-len(t.reported)%lap, step-len(t.reported))) {
			if err != nil {
				return nil, err
			}
			progress.StepsPerSecond = 0
			t.reported = append(t.reported, progress)
		}
		if n := len(t.reported); n%lap == 0 {
			if err := t.trainer.Save(t.dir); err != nil {
				return nil, err
			}
			if t.laps[n], err = digest(t.trainer.LastCheckpoint()); err != nil {
				return nil, err
			}
		}
	}
	return t.reported[:step], nil
}

// equals compares a run's history with the twin's: no gap, no duplicate, every number the same.
func (t *twin) equals(metrics []lab.Metric) error {
	want, err := t.upTo(len(metrics))
	if err != nil {
		return err
	}
	for i, m := range metrics {
		m.StepsPerSecond = 0
		if !reflect.DeepEqual(m.Progress, want[i]) || m.Calls != i+1 {
			return fmt.Errorf("record %d is of call %d, %+v, and the undisturbed run has %+v", i+1, m.Calls, m.Progress, want[i])
		}
	}
	return nil
}

// digest is that of the state in a checkpoint, each byte of it; how often a run was saved before is no part of it.
func digest(path string) (sum [sha256.Size]byte, err error) {
	file, err := safetensors.Load(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(file.Metadata)) {
		if key != "saved" {
			fmt.Fprintf(h, "%q %q\n", key, file.Metadata[key])
		}
	}
	for _, tensor := range file.Tensors {
		fmt.Fprintf(h, "%q %v %d\n", tensor.Name, tensor.Shape, len(tensor.Data))
		h.Write(tensor.Data)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// equalsState compares the newest checkpoint in a run's folder with the twin's of that step, bit for bit.
func (t *twin) equalsState(dir string, step int) error {
	if _, err := t.upTo(step); err != nil {
		return err
	}
	saved, err := train.Checkpoints(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return err
	}
	newest := saved[len(saved)-1]
	state, err := digest(newest.Path)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if newest.Step != step || state != t.laps[step] {
		return fmt.Errorf("the checkpoint of step %d (%s) is not that of the undisturbed run", step, filepath.Base(newest.Path))
	}
	return nil
}
