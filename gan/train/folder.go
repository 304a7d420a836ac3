package train

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gantry.local/gan/safetensors"
	"gantry.local/gan/setting"
)

// ErrNoCheckpoint is returned for a folder without any checkpoint file, or where there is no folder. Files that are
// damaged are ErrDamaged.
var ErrNoCheckpoint = errors.New("no checkpoint")

// ErrDamaged is wrapped by the errors of checkpoints and weights that are there and are not whole: truncated or altered,
// or with values that are infinite or no numbers.
var ErrDamaged = safetensors.ErrDamaged

const (
	checkpointPrefix = "checkpoint-"
	checkpointSuffix = ".safetensors"
	checkpointsKept  = 2       // that are whole
	damagedKept      = 2       // for who wants to examine them
	mostCalls        = 1 << 50 // more than any run makes: what says so is wrong
)

func checkpointName(step int) string {
	return fmt.Sprintf("%s%010d%s", checkpointPrefix, step, checkpointSuffix)
}

// Checkpoint is what a checkpoint's file says of itself.
type Checkpoint struct {
	Path        string
	Step, Calls int // as Trainer.Step and Trainer.Calls; of a file with a Problem what its name says, and 0

	// Problem is nil where the file is whole. It is ErrDamaged where it is not; any other error means that this cannot be
	// told, because it may not be read or is of another version.
	Problem error

	order int // how often runs in its folder had gone back before it was saved
}

// DamagedError is the error of a folder in which checkpoints are and none is whole. It is ErrDamaged.
type DamagedError struct {
	Dir         string
	Checkpoints []Checkpoint
	Weights     Weights // those in the folder, or in the one that it lies in
}

// Error names what is damaged, what is whole, and the choices.
func (e *DamagedError) Error() string {
	const most = 8
	choices := "begin anew in another folder"
	if e.Weights.Whole() {
		choices = "go on from the weights, or " + choices
	}
	problems := problemsOf(e.Checkpoints)
	if more := len(problems) - most; more > 0 {
		problems = append(problems[:most:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("no checkpoint in %s is whole: %s; %s; %s", e.Dir, strings.Join(problems, "; "), e.Weights, choices)
}

// Unwrap returns ErrDamaged.
func (e *DamagedError) Unwrap() error { return ErrDamaged }

func problemsOf(checkpoints []Checkpoint) (all []string) {
	for _, c := range checkpoints {
		all = append(all, c.Problem.Error())
	}
	return all
}

// Checkpoints lists the checkpoints in a folder that Save wrote to and verifies each: first those with a Problem, then the
// whole ones in the order in which they were saved, so that the last one is the newest. The error is ErrNoCheckpoint where
// there are none.
func Checkpoints(dir string) ([]Checkpoint, error) {
	found, err := openCheckpoints(dir)
	if err != nil {
		return nil, err
	}
	all := found.problems
	var whole []Checkpoint
	for _, c := range found.whole {
		if verified, err := VerifyCheckpoint(c.Path); err == nil {
			whole = append(whole, verified)
		} else if !errors.Is(err, fs.ErrNotExist) { // removed meanwhile by the process that trains
			all = append(all, verified)
		}
	}
	if all = append(all, whole...); len(all) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
	}
	return all, nil
}

// Listed lists what Checkpoints does by the files' headers alone, which is quick: whether the rest of a file is whole is seen when it is
// restored.
func Listed(dir string) ([]Checkpoint, error) {
	found, err := openCheckpoints(dir)
	if err != nil {
		return nil, err
	}
	all := append(found.problems, found.whole...)
	if len(all) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoCheckpoint, dir)
	}
	return all, nil
}

// VerifyCheckpoint reads a checkpoint's file through, in pieces, and returns what it says of itself. The error is also its
// Problem.
func VerifyCheckpoint(path string) (c Checkpoint, err error) {
	defer func() { c.Problem = err }()
	r, err := safetensors.Open(path)
	if err != nil {
		return Checkpoint{Path: path, Step: stepInName(path)}, err
	}
	defer r.Close()
	if c, err = newCheckpoint(path, r); err != nil {
		return c, orDamage(r, err)
	}
	if err = verify(r); err != nil {
		c.Step, c.Calls = stepInName(path), 0
	}
	return c, err
}

// verify reads a file through; a number that is not finite is damage too.
func verify(r *safetensors.Reader) error {
	err := r.Verify()
	if errors.Is(err, safetensors.ErrNotFinite) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// newCheckpoint reads what a file's header says, which is not verified yet.
func newCheckpoint(path string, r *safetensors.Reader) (Checkpoint, error) {
	c := Checkpoint{Path: path, Step: stepInName(path)}
	if version := r.Metadata[versionKey]; version != checkpointVersion {
		return c, fmt.Errorf("%s is no checkpoint of this program (version %q, want %q)", path, version, checkpointVersion)
	}
	of, err := stateOf(r)
	if err != nil {
		return c, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	if text, found := r.Metadata[orderKey]; found {
		if c.order, err = strconv.Atoi(text); err != nil || c.order < 0 || c.order > mostCalls {
			return c, fmt.Errorf("%s: %w: it says to be save number %q", path, ErrDamaged, text)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Metadata)) {
		name, isSetting := strings.CutPrefix(key, settingPrefix)
		if !isSetting {
			continue
		}
		value, err := strconv.ParseFloat(r.Metadata[key], 64)
		if err == nil {
			err = finiteSetting(name, value)
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
		}
	}
	c.Step, c.Calls = of.step, of.calls
	return c, nil
}

// finiteSetting returns an error for a value that no setting has.
func finiteSetting(name string, value float64) error {
	return setting.NonNegative(name, value).Allows(value)
}

// stateOf reads which state of a run a file is of.
func stateOf(r *safetensors.Reader) (of state, err error) {
	step, err := strconv.Atoi(r.Metadata[stepKey])
	calls, errCalls := strconv.Atoi(r.Metadata[callsKey])
	if err != nil || errCalls != nil || step < 0 || calls < step || calls > mostCalls {
		return of, fmt.Errorf("step %q and calls %q are no numbers of steps", r.Metadata[stepKey], r.Metadata[callsKey])
	}
	return state{step, calls}, nil
}

// stepInName is the step that a checkpoint's name says, 0 where it says none.
func stepInName(path string) int {
	digits := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), checkpointPrefix), checkpointSuffix)
	step, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return step
}

// checkpointFiles are the checkpoints of a folder by their headers.
type checkpointFiles struct {
	whole    []Checkpoint // as far as their headers tell, the one saved last at the end
	problems []Checkpoint // by name
}

// openCheckpoints reads the headers of the checkpoints in dir.
func openCheckpoints(dir string) (found checkpointFiles, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%w: there is no folder %s", ErrNoCheckpoint, dir)
	}
	if err != nil {
		return found, err
	}
	for _, entry := range entries {
		digits, isOurs := strings.CutPrefix(strings.TrimSuffix(entry.Name(), checkpointSuffix), checkpointPrefix)
		if _, err := strconv.ParseUint(digits, 10, 63); !isOurs || err != nil || !strings.HasSuffix(entry.Name(), checkpointSuffix) {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		c, err := openCheckpoint(path)
		switch {
		case err == nil:
			found.whole = append(found.whole, c)
		case !errors.Is(err, fs.ErrNotExist): // removed meanwhile by the process that trains
			c.Problem = err
			found.problems = append(found.problems, c)
		}
	}
	slices.SortStableFunc(found.whole, func(a, b Checkpoint) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.Calls, b.Calls), cmp.Compare(a.Step, b.Step))
	})
	return found, nil
}

// openCheckpoint reads a checkpoint's header alone.
func openCheckpoint(path string) (Checkpoint, error) {
	r, err := safetensors.Open(path)
	if err != nil {
		return Checkpoint{Path: path, Step: stepInName(path)}, err
	}
	defer r.Close()
	c, err := newCheckpoint(path, r)
	if err != nil {
		err = orDamage(r, err)
	}
	return c, err
}

// nextOrder is the order of a save that comes after all of these: theirs, or one more where it went back, so that what a
// checkpoint holds does not depend on how often its run was saved.
func (f checkpointFiles) nextOrder(calls int, path string) int {
	next := 0
	for _, c := range f.whole { // the latest last
		if c.Path != path {
			if next = c.order; c.Calls >= calls {
				next++
			}
		}
	}
	return next
}

// prune keeps the checkpoint that was just saved and verified beside these, the newest of them that is whole, and a few
// that are damaged. Files of which it cannot be told are left alone.
func (f checkpointFiles) prune(saved string) error {
	var damaged []Checkpoint
	for _, c := range f.problems {
		if errors.Is(c.Problem, ErrDamaged) && c.Path != saved {
			damaged = append(damaged, c)
		}
	}
	var surplus []Checkpoint
	kept := 1
	for _, c := range slices.Backward(f.whole) {
		if c.Path == saved {
			continue
		}
		if kept == checkpointsKept {
			surplus = append(surplus, c)
			continue
		}
		_, err := VerifyCheckpoint(c.Path)
		switch {
		case err == nil:
			kept++
		case errors.Is(err, ErrDamaged):
			damaged = append(damaged, c)
		}
	}
	slices.SortFunc(damaged, func(a, b Checkpoint) int { return cmp.Compare(a.Path, b.Path) })
	surplus = append(surplus, damaged[:max(0, len(damaged)-damagedKept)]...)
	for _, c := range surplus {
		if err := remove(c.Path); err != nil {
			return fmt.Errorf("removing an old checkpoint: %w", err)
		}
	}
	return nil
}

// remove removes a file, if it is there and is one.
func remove(path string) error {
	info, err := os.Lstat(path)
	if err == nil && !info.IsDir() {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
