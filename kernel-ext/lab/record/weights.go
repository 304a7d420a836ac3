package record

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gantry.local/gan/method"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
)

// Generator returns the weights that samples of a run are drawn with, from its folder alone: those of its newest whole
// checkpoint, or those that lie beside it where they are newer. notice says what was damaged, or is "".
func Generator(dir string) (weights *safetensors.File, notice string, err error) {
	w, err := WeightsOf(dir)
	if err == nil && w.Networks[w.Sampler] == nil {
		err = fmt.Errorf("the run in %s has no network to draw samples from", dir)
	}
	return w.Networks[w.Sampler], w.Notice, err
}

// Weights are those of a run's networks at one step.
type Weights struct {
	Names    []string // of all networks
	Sampler  string   // the one that samples are drawn from; "": none
	Networks map[string]*safetensors.File
	Notice   string
}

// networksOf are the names of a run's networks, and of the one that samples are drawn from. Earlier versions knew only the usual
// two and did not say so.
func networksOf(dir string) (w Weights) {
	if i, err := ReadInfo(dir); err == nil && len(i.Status.Networks) > 0 {
		return Weights{Names: i.Status.Networks, Sampler: i.Status.Sampler}
	}
	return Weights{Names: []string{method.GeneratorName, method.CriticName}, Sampler: method.GeneratorName}
}

// first is the network whose weights there must be.
func (w Weights) first() string {
	if w.Sampler != "" {
		return w.Sampler
	}
	return w.Names[0]
}

// WeightsOf finds the newest weights in a run's folder. Of networks but the sampled one some may be missing.
func WeightsOf(dir string) (w Weights, err error) {
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
	w = networksOf(dir)
	beside := train.WeightsIn(dir, w.Names...)
	problem := beside.Networks[slices.Index(w.Names, w.first())].Err
	if errors.Is(problem, train.ErrDamaged) {
		damaged = append(damaged, problem.Error())
	}
	w.Networks = map[string]*safetensors.File{}
	for _, c := range all {
		if problem == nil && newer(filepath.Join(dir, w.first()+".safetensors"), beside, c) {
			break
		}
		_, err := train.VerifyCheckpoint(c.Path)
		var file *safetensors.File
		if err == nil {
			file, err = safetensors.Load(c.Path)
		}
		if errors.Is(err, train.ErrDamaged) {
			damaged = append(damaged, err.Error())
			continue
		}
		if err != nil {
			return w, err
		}
		for _, name := range w.Names {
			of := networkIn(file, name, name+"/")
			if name == w.Sampler {
				of = cmp.Or(networkIn(file, name, averageScope), of)
			}
			if of != nil {
				w.Networks[name] = of
			}
		}
		if len(damaged) > 0 {
			w.Notice = fmt.Sprintf("%s; using the checkpoint of step %d", strings.Join(damaged, "; "), c.Step)
		}
		return w, nil
	}
	if problem != nil {
		if len(damaged) > 0 {
			return w, fmt.Errorf("no weights in %s are whole: %s", dir, strings.Join(damaged, "; "))
		}
		return w, fmt.Errorf("%s has no weights yet; let `gantry train` end, or go on with it by --resume", dir)
	}
	for _, of := range beside.Networks {
		if of.Err != nil {
			continue
		}
		if w.Networks[of.Name], err = safetensors.Load(filepath.Join(dir, of.Name+".safetensors")); err != nil {
			return w, err
		}
	}
	if len(damaged) > 0 {
		w.Notice = fmt.Sprintf("%s; using %s", strings.Join(damaged, "; "), filepath.Join(dir, w.first()+".safetensors"))
	}
	return w, nil
}

// averageScope is where a checkpoint has the averaged weights that samples are drawn with.
const averageScope = "average/"

// newer tells whether the weights beside the checkpoints are newer than one of these. Those of earlier versions do not say
// of which step they are.
func newer(path string, beside train.Weights, c train.Checkpoint) bool {
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
	return modified(path).After(modified(c.Path).Add(time.Minute))
}

// networkIn are the weights of one network in a checkpoint, which lie below a scope there, or nil.
func networkIn(checkpoint *safetensors.File, name, scope string) *safetensors.File {
	network := &safetensors.File{Metadata: maps.Clone(checkpoint.Metadata)}
	for name := range network.Metadata { // what is a checkpoint's alone
		if strings.HasPrefix(name, "setting ") || name == "gantry checkpoint" || name == "saved" {
			delete(network.Metadata, name)
		}
	}
	network.Metadata["network"] = name
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
