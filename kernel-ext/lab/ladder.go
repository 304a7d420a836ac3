package lab

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/kernel-ext/internal/wholefile"
)

// ladder is a bounded number of checkpoints to go back to, closer together the younger they are.
type ladder struct {
	dir   string
	rungs []rung // the oldest first
}

type rung struct{ calls, step int }

const (
	mostRungs   = 12
	rungPattern = "%012d-%d.safetensors" // calls, step
)

func openLadder(dir string) (*ladder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	rungs, err := rungsIn(dir)
	return &ladder{dir: dir, rungs: rungs}, err
}

func rungsIn(dir string) (rungs []rung, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		var r rung
		if _, err := fmt.Sscanf(entry.Name(), rungPattern, &r.calls, &r.step); err == nil && entry.Name() == r.file() {
			rungs = append(rungs, r)
		}
	}
	return rungs, nil
}

func (r rung) file() string { return fmt.Sprintf(rungPattern, r.calls, r.step) }

func (l *ladder) path(r rung) string { return filepath.Join(l.dir, r.file()) }

// add keeps a checkpoint's file, which may be removed elsewhere, and forgets the one that is missed least when there are
// too many.
func (l *ladder) add(path string, step, calls int) error {
	r := rung{calls, step}
	at, found := slices.BinarySearchFunc(l.rungs, r, func(a, b rung) int { return cmp.Compare(a.calls, b.calls) })
	if err := l.keep(path, l.path(r)); err != nil {
		return fmt.Errorf("keeping a checkpoint: %w", err)
	}
	if found {
		return nil
	}
	l.rungs = slices.Insert(l.rungs, at, r)
	if len(l.rungs) <= mostRungs {
		return nil
	}
	worst, least := 1, 0.0
	for i := 1; i < len(l.rungs)-1; i++ { // the first and the last stay
		gap, age := float64(l.rungs[i+1].calls-l.rungs[i-1].calls), float64(calls-l.rungs[i].calls+1)
		if loss := gap / age; i == 1 || loss < least {
			worst, least = i, loss
		}
	}
	if err := os.Remove(l.path(l.rungs[worst])); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting a checkpoint: %w", err)
	}
	l.rungs = slices.Delete(l.rungs, worst, worst+1)
	return nil
}

// keep makes `to` the file `from`, by a link or, where the file system has none, a copy. A file that is there is replaced:
// its settings may be others.
func (l *ladder) keep(from, to string) error {
	temp := filepath.Join(l.dir, ".link.tmp")
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(from, temp); err != nil {
		return copyFile(from, to)
	}
	defer os.Remove(temp) // where it and `to` were one file, the rename left it
	return os.Rename(temp, to)
}

// copyFile copies a file, whole or not at all.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return wholefile.Write(to, content, 0o600)
}

// below returns the newest checkpoint of at most so many calls; false where none is so old.
func (l *ladder) below(calls int) (rung, bool) {
	for _, r := range slices.Backward(l.rungs) {
		if r.calls <= calls {
			return r, true
		}
	}
	return rung{}, false
}

// cut removes the checkpoints of more calls.
func (l *ladder) cut(calls int) error {
	for len(l.rungs) > 0 && l.rungs[len(l.rungs)-1].calls > calls {
		last := len(l.rungs) - 1
		if err := os.Remove(l.path(l.rungs[last])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.rungs = l.rungs[:last]
	}
	return nil
}

func (l *ladder) steps() []int {
	var steps []int
	for _, r := range l.rungs {
		if len(steps) == 0 || steps[len(steps)-1] != r.step {
			steps = append(steps, r.step)
		}
	}
	return steps
}

// change is a setting, or the loss, that was set while the run trained, after so many calls.
type change struct {
	Calls int
	Name  string
	Value float64 `json:",omitempty"`
	Loss  string  `json:",omitempty"`
}

// String says what was set.
func (c change) String() string {
	if c.Loss != "" {
		return "loss = " + c.Loss
	}
	return fmt.Sprintf("%s = %g", c.Name, c.Value)
}

func readChanges(path string) ([]change, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []change
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var c change
		if err := decoder.Decode(&c); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil { // the last line of a process that was killed
			return all, nil
		}
		all = append(all, c)
	}
}

func addChange(path string, c change) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(c), f.Close())
}

// cutChanges keeps some of the changes and returns the others.
func cutChanges(path string, keep func(change) bool) (gone []change, err error) {
	all, err := readChanges(path)
	if err != nil {
		return nil, err
	}
	var kept strings.Builder
	for _, c := range all {
		if !keep(c) {
			gone = append(gone, c)
		} else if err := json.NewEncoder(&kept).Encode(c); err != nil {
			return nil, err
		}
	}
	if len(gone) == 0 {
		return nil, nil
	}
	return gone, wholefile.Write(path, []byte(kept.String()), 0o600)
}
