package record

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gantry.local/gan"
	"gantry.local/gan/safetensors"
)

// Generator returns the weights that samples of a run are drawn with, from its folder alone: those of its newest whole
// checkpoint, or those that lie beside it where they are newer. notice says what was damaged, or is "".
func Generator(dir string) (weights *safetensors.File, notice string, err error) {
	w, err := WeightsOf(dir)
	return w.Generator, w.Notice, err
}

// weights are those of both networks at one step.
type weights struct {
	Generator, Critic *safetensors.File // the critic may be nil
	Notice            string
}

// WeightsOf finds the newest weights in a run's folder.
func WeightsOf(dir string) (w weights, err error) {
	if err := Trusted(dir); err != nil {
		return w, err
	}
	l := &Ladder{dir: filepath.Join(dir, LadderDir)}
	if l.Rungs, err = rungsIn(l.dir); err != nil {
		return w, err
	}
	all, damaged, err := l.Kept(filepath.Join(dir, CheckpointsDir))
	if err != nil {
		return w, err
	}
	beside := gan.WeightsIn(dir)
	if errors.Is(beside.Generator, gan.ErrDamaged) {
		damaged = append(damaged, beside.Generator.Error())
	}
	for _, c := range all {
		if beside.Generator == nil && newer(dir, beside, c) {
			break
		}
		file, err := safetensors.Load(c.Path)
		if errors.Is(err, gan.ErrDamaged) {
			damaged = append(damaged, err.Error())
			continue
		}
		if err != nil {
			return w, err
		}
		w.Generator, w.Critic = networkIn(file, "average/"), networkIn(file, "critic/")
		if w.Generator == nil {
			w.Generator = networkIn(file, "generator/")
		}
		if len(damaged) > 0 {
			w.Notice = fmt.Sprintf("%s; using the checkpoint of step %d", strings.Join(damaged, "; "), c.Step)
		}
		return w, nil
	}
	if beside.Generator != nil {
		if len(damaged) > 0 {
			return w, fmt.Errorf("no weights in %s are whole: %s", dir, strings.Join(damaged, "; "))
		}
		return w, fmt.Errorf("%s has no weights yet; let `gantry train` end, or go on with it by --resume", dir)
	}
	if w.Generator, err = safetensors.Load(filepath.Join(dir, GeneratorFile)); err != nil {
		return w, err
	}
	if beside.Critic == nil {
		w.Critic, err = safetensors.Load(filepath.Join(dir, CriticFile))
	}
	if len(damaged) > 0 {
		w.Notice = fmt.Sprintf("%s; using %s", strings.Join(damaged, "; "), filepath.Join(dir, GeneratorFile))
	}
	return w, err
}

// newer tells whether the weights beside the checkpoints are newer than one of these. Those of earlier versions do not say
// of which step they are.
func newer(dir string, beside gan.Weights, c gan.Checkpoint) bool {
	if beside.Calls > 0 {
		return beside.Calls > c.Calls
	}
	modified := func(path string) time.Time {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	return modified(filepath.Join(dir, GeneratorFile)).After(modified(c.Path).Add(time.Minute))
}

// networkIn are the weights of one network in a checkpoint, or nil.
func networkIn(checkpoint *safetensors.File, scope string) *safetensors.File {
	network := &safetensors.File{Metadata: maps.Clone(checkpoint.Metadata)}
	for name := range network.Metadata { // what is a checkpoint's alone
		if strings.HasPrefix(name, "setting ") || name == "gantry checkpoint" || name == "saved" {
			delete(network.Metadata, name)
		}
	}
	network.Metadata["network"] = map[bool]string{true: "critic", false: "generator"}[scope == "critic/"]
	for _, t := range checkpoint.Tensors {
		if name, below := strings.CutPrefix(t.Name, scope); below {
			t.Name = name
			network.Tensors = append(network.Tensors, t)
		}
	}
	if len(network.Tensors) == 0 {
		return nil
	}
	return network
}
