package record

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gantry.local/gan/train"
)

// Ladder is a bounded number of checkpoints to go back to, closer together the younger they are.
type Ladder struct {
	dir   string
	Rungs []Rung // the oldest first
}

// Rung is a checkpoint of a ladder.
type Rung struct{ Calls, Step int }

const (
	mostRungs   = 12
	rungPattern = "%012d-%d.safetensors" // calls, step
)

// OpenLadder opens the ladder in a folder, which is made where there is none.
func OpenLadder(dir string) (*Ladder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	rungs, err := rungsIn(dir)
	return &Ladder{dir: dir, Rungs: rungs}, err
}

func rungsIn(dir string) (rungs []Rung, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		var r Rung
		if _, err := fmt.Sscanf(entry.Name(), rungPattern, &r.Calls, &r.Step); err == nil && entry.Name() == r.file() {
			rungs = append(rungs, r)
		}
	}
	return rungs, nil
}

func (r Rung) file() string { return fmt.Sprintf(rungPattern, r.Calls, r.Step) }

// Path is that of a checkpoint's file.
func (l *Ladder) Path(r Rung) string { return filepath.Join(l.dir, r.file()) }

// Add keeps a checkpoint's file, which may be removed elsewhere, and forgets the one that is missed least when there are
// too many.
func (l *Ladder) Add(path string, step, calls int) error {
	r := Rung{calls, step}
	at, found := slices.BinarySearchFunc(l.Rungs, r, func(a, b Rung) int { return cmp.Compare(a.Calls, b.Calls) })
	if err := l.keep(path, l.Path(r)); err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	if found {
		return nil
	}
	l.Rungs = slices.Insert(l.Rungs, at, r)
	if len(l.Rungs) <= mostRungs {
		return nil
	}
	worst, least := 1, 0.0
	for i := 1; i < len(l.Rungs)-1; i++ { // the first and the last stay
		gap, age := float64(l.Rungs[i+1].Calls-l.Rungs[i-1].Calls), float64(calls-l.Rungs[i].Calls+1)
		if loss := gap / age; i == 1 || loss < least {
			worst, least = i, loss
		}
	}
	if err := os.Remove(l.Path(l.Rungs[worst])); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting a checkpoint: %w", err)
	}
	l.Rungs = slices.Delete(l.Rungs, worst, worst+1)
	return nil
}

// keep makes `to` the file `from`, by a link or, where the file system has none, a copy. A file that is there is replaced:
// its settings may be others.
func (l *Ladder) keep(from, to string) error {
	temp := filepath.Join(l.dir, ".link.tmp")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(from, temp); err != nil {
		return CopyFile(from, to)
	}
	defer os.Remove(temp) // where it and `to` were one file, the rename left it
	return os.Rename(temp, to)
}

// Below returns the newest checkpoint of at most so many calls; false where none is so old.
func (l *Ladder) Below(calls int) (Rung, bool) {
	for _, r := range slices.Backward(l.Rungs) {
		if r.Calls <= calls {
			return r, true
		}
	}
	return Rung{}, false
}

// Cut removes the checkpoints of more calls.
func (l *Ladder) Cut(calls int) error {
	for len(l.Rungs) > 0 && l.Rungs[len(l.Rungs)-1].Calls > calls {
		last := len(l.Rungs) - 1
		if err := os.Remove(l.Path(l.Rungs[last])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.Rungs = l.Rungs[:last]
	}
	return nil
}

// Steps are those that Rewind reaches at once.
func (l *Ladder) Steps() []int {
	var steps []int
	for _, r := range l.Rungs {
		if len(steps) == 0 || steps[len(steps)-1] != r.Step {
			steps = append(steps, r.Step)
		}
	}
	return steps
}

// Kept lists the checkpoints of a run's folder, the newest first, and names those whose headers are damaged. The rest of a file may
// be, too: that is seen when it is read, and then the ladder may have another file of the same state.
func (l *Ladder) Kept(dir string) (all []train.Checkpoint, damaged []string, err error) {
	listed, err := train.Listed(dir)
	if err != nil && !errors.Is(err, train.ErrNoCheckpoint) {
		return nil, nil, err
	}
	for _, c := range listed {
		switch {
		case errors.Is(c.Problem, train.ErrDamaged):
			damaged = append(damaged, c.Problem.Error())
		case c.Problem != nil:
			return nil, nil, c.Problem
		default:
			all = append(all, c)
		}
	}
	for _, r := range l.Rungs {
		all = append(all, train.Checkpoint{Path: l.Path(r), Step: r.Step, Calls: r.Calls})
	}
	slices.SortStableFunc(all, func(a, b train.Checkpoint) int { return cmp.Compare(b.Calls, a.Calls) })
	return all, damaged, nil
}

// HasWholeCheckpoint tells whether a run has a checkpoint to go on from.
func HasWholeCheckpoint(dir string) bool {
	l := &Ladder{dir: filepath.Join(dir, LadderDir)}
	var err error
	if l.Rungs, err = rungsIn(l.dir); err != nil {
		return false
	}
	all, _, err := l.Kept(filepath.Join(dir, CheckpointsDir))
	return err == nil && slices.ContainsFunc(all, func(c train.Checkpoint) bool {
		_, err := train.VerifyCheckpoint(c.Path)
		return err == nil
	})
}
