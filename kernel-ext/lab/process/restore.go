package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gantry.local/gan/loss"
	"gantry.local/gan/safetensors"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/lab/record"
)

// What a run goes on from: its newest whole checkpoint, be it one of the newest two or an older one of the ladder. A
// damaged one is passed over and named. Where there are some and none is whole, or where only weights are left, nothing
// is begun and nothing overwritten: a person chooses.

// checkpoints are what a run's folder holds: the ladder, all that may be whole, the newest first, and whose header is damaged.
type checkpoints struct {
	ladder  *record.Ladder
	all     []train.Checkpoint
	damaged []string
}

// kept looks at the headers of the run's checkpoints.
func (r *Keeper) kept() (found checkpoints, err error) {
	if found.ladder, err = record.OpenLadder(filepath.Join(r.dir, record.LadderDir)); err != nil {
		return found, err
	}
	found.all, found.damaged, err = found.ladder.Kept(filepath.Join(r.dir, record.CheckpointsDir))
	return found, err
}

// restore brings back the newest whole checkpoint, if there is one, and cuts off of the history what came after it. notice
// says what was lost, passed over or carried over.
func (r *Keeper) restore(s Start, before *record.Info) (notice string, err error) {
	columns := record.Columns{Numbers: r.status.Numbers, Networks: r.status.Networks}
	if r.history, err = record.OpenHistory(filepath.Join(r.dir, record.HistoryFile), columns); err != nil {
		return "", err
	}
	found, err := r.kept()
	if err != nil {
		return "", err
	}
	r.ladder = found.ladder
	damaged := found.damaged
	var notices []string
	restored := false
	for i, c := range found.all {
		said, err := r.bringBack(c, s, before)
		if errors.Is(err, train.ErrDamaged) {
			damaged = append(damaged, err.Error())
			continue
		}
		if err != nil {
			return "", err
		}
		if said != "" {
			notices = append(notices, said)
		}
		restored = true
		r.asSaved = i == 0 && len(damaged) == 0 && !s.Adopt && filepath.Dir(c.Path) == filepath.Join(r.dir, record.CheckpointsDir)
		break
	}
	switch {
	case restored && len(damaged) > 0:
		for _, problem := range damaged {
			notices = append(notices, fmt.Sprintf("%s; using the checkpoint before it, of step %d", problem, r.trainer.Step()))
		}
	case !restored && s.Weights:
		said, err := r.fromWeights()
		if err != nil {
			return "", err
		}
		notices, restored = append(notices, said), true
	case !restored && (len(damaged) > 0 || r.weightsBeside().Whole()):
		return "", r.nothingWhole(damaged)
	case !restored && r.history.N > 0:
		notices = append(notices, fmt.Sprintf("run %s ended before its first checkpoint: its %d steps are lost", r.name, r.history.N))
	}
	missing, err := r.history.Missing()
	if err != nil {
		return "", err
	}
	if missing > 0 {
		notices = append(notices, fmt.Sprintf("what was recorded of %d earlier steps of run %s is lost: its curves have a gap there", missing, r.name))
	}
	lost := r.history.N - r.trainer.Calls()
	switch {
	case !restored:
	case lost > 0:
		last, err := r.history.Last()
		if err != nil {
			return "", err
		}
		notices = append(notices, fmt.Sprintf("run %s ended unexpectedly after step %d: it goes on from its last checkpoint, step %d; %d steps are lost",
			r.name, last.Step, r.trainer.Step(), lost))
	case lost < 0 && before != nil && before.Version > 0:
		notices = append(notices, fmt.Sprintf("the history of run %s lacks its last %d steps, whose losses are not known; its weights are whole, at step %d",
			r.name, -lost, r.trainer.Step()))
	}
	if err := r.history.Cut(r.trainer.Calls()); err != nil {
		return "", err
	}
	unsaved, err := record.CutChanges(filepath.Join(r.dir, record.ChangesFile), func(c record.Change) bool { return c.Calls <= r.trainer.Calls() })
	notice = strings.Join(notices, "; ")
	if len(unsaved) > 0 {
		notice += fmt.Sprintf(", and with them what was set: %s", unsaved[len(unsaved)-1])
	}
	return notice, err
}

// bringBack makes a checkpoint the trainer's state.
func (r *Keeper) bringBack(c train.Checkpoint, s Start, before *record.Info) (notice string, err error) {
	if err := private.Check(c.Path); err != nil {
		return "", err
	}
	if !s.Adopt {
		return "", r.restoreFile(c.Path)
	}
	initial := map[string]float64{}
	if before != nil {
		initial = before.Initial
		if before.Loss != "" && !r.lossIsNew(before) {
			if err := r.setLoss(before.Loss); err != nil {
				return "", err
			}
		}
	}
	fresh, err := r.trainer.Adopt(c.Path, initial)
	if err != nil {
		return "", err
	}
	if len(fresh) > 0 {
		return fmt.Sprintf("run %s goes on at step %d; these start afresh: %s", r.name, c.Step, record.ShortList(fresh, 6)), nil
	}
	return fmt.Sprintf("run %s goes on at step %d with all of its weights", r.name, c.Step), nil
}

// restoreFile brings back a checkpoint of this experiment, with the loss that was set when it was saved.
func (r *Keeper) restoreFile(path string) error {
	file, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	was := file.Metadata["loss"]
	if err := file.Close(); err != nil {
		return err
	}
	if was != "" && was != lossOf(r.trainer.Description()) && r.knowsLoss(was) {
		if err := r.setLoss(was); err != nil {
			return err
		}
	}
	return r.trainer.RestoreFile(path)
}

// weightsBeside are the weights in the run's folder.
func (r *Keeper) weightsBeside() train.Weights { return train.WeightsIn(r.dir, r.status.Networks...) }

// knowsLoss tells whether setLoss can do that.
func (r *Keeper) knowsLoss(name string) bool {
	now := lossOf(r.of)
	_, err := loss.Named(name)
	return now != "" && (err == nil || name == now)
}

// lossIsNew tells whether the experiment's own loss is another one than at the time of before, which then holds.
func (r *Keeper) lossIsNew(before *record.Info) bool {
	for _, part := range before.Definition.Parts {
		if part.Name == "loss" {
			return part.Summary != lossOf(r.of)
		}
	}
	return false
}

// fromWeights goes on from the weights that lie beside damaged checkpoints, which are moved aside.
func (r *Keeper) fromWeights() (notice string, err error) {
	if notice, err = r.trainer.AdoptWeights(r.dir); err != nil {
		return "", fmt.Errorf("run %s: %w", r.name, err)
	}
	stamp := time.Now().Format("20060102-150405")
	for _, name := range []string{record.CheckpointsDir, record.LadderDir} {
		err := os.Rename(filepath.Join(r.dir, name), filepath.Join(r.dir, name+".damaged-"+stamp))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	r.ladder, err = record.OpenLadder(filepath.Join(r.dir, record.LadderDir))
	return notice, err
}

// nothingWhole is the error of a run that cannot go on by itself: it says what is damaged, what is whole, and the choices.
func (r *Keeper) nothingWhole(damaged []string) error {
	what := "there is none any more"
	if len(damaged) > 0 {
		what = record.ShortList(damaged, 2)
	}
	weights := r.weightsBeside()
	choices := "lab.OpenWith(exp, lab.RunOptions{Changed: lab.StartAnew}) begins at step 0 and moves the old folder aside"
	fromWeights := "lab.OpenWith(exp, lab.RunOptions{Changed: lab.FromWeights}) goes on from the weights"
	if r.o.Foreground {
		choices, fromWeights = "name another --out to begin anew", "add --from-weights to go on from the weights"
	}
	if weights.Whole() {
		choices = fromWeights + "; " + choices
	}
	return fmt.Errorf("run %s: no checkpoint is whole (%s), and nothing was changed; %s: %s: %w", r.name, what, weights, choices, train.ErrDamaged)
}
