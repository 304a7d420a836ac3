package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/lab/record"
)

// A sweep's folder holds these, and the run folder of each trial.
const (
	planFile     = "sweep.json"     // the spec with its trials
	CSVFile      = "results.csv"    // the table
	PageFile     = "results.html"   // the table with its pictures
	outcomeFile  = "trial.json"     // in a trial's folder: what became of it
	progressFile = "progress.jsonl" // in a trial's folder: what `gantry train` reported
)

// Sweep is a spec with its trials and the folder that they are in. What became of them is read from there each time.
type Sweep struct {
	Dir    string // absolute
	Spec   *Spec
	Trials []Trial

	train        Train
	roomPatience time.Duration // that a trial waits for room on the disk

	mu     sync.Mutex
	unkept map[string]Outcome // by trial's name: what the folder had no room for
}

// plan is the content of sweep.json: the spec, and its trials for who cannot draw them.
type plan struct {
	Spec   *Spec          `json:"spec"`
	Trials []plannedTrial `json:"trials"`
}

type plannedTrial struct {
	Name     string           `json:"name"`
	Settings map[string]Value `json:"settings"`
}

// Open makes or opens the folder of a sweep and writes its plan there. Trials that the folder has from an earlier spec and this one has
// too are the same trials. The error is a Wrong where the spec cannot be carried out.
func Open(dir string, spec *Spec, train Train) (*Sweep, error) {
	s, err := Plan(dir, spec, train)
	if err != nil {
		return nil, err
	}
	if err := private.Folder(s.Dir); err != nil {
		return nil, fmt.Errorf("the sweep's folder: %w", err)
	}
	p := plan{Spec: spec}
	for _, t := range s.Trials {
		p.Trials = append(p.Trials, plannedTrial{t.Name, t.Settings})
	}
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	path := filepath.Join(s.Dir, planFile)
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, text) {
		return s, nil // many tasks of an array open it at once
	}
	return s, wholefile.Write(path, text, 0o600)
}

// Plan is Open without a folder: nothing is written.
func Plan(dir string, spec *Spec, train Train) (*Sweep, error) {
	trials, err := spec.Trials(train)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, wrongf("%s is no folder; name another", dir)
	}
	return &Sweep{Dir: dir, Spec: spec, Trials: trials, train: train, roomPatience: roomPatience, unkept: map[string]Outcome{}}, nil
}

const largestPlan = 64 << 20 // bytes

// Load reads the sweep in a folder, to look at it: its trials cannot be trained. The error wraps fs.ErrNotExist where there is none.
func Load(dir string) (*Sweep, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f, err := private.Open(filepath.Join(dir, planFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no sweep: it has no %s: %w", dir, planFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestPlan))
	if err != nil {
		return nil, err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil || p.Spec == nil {
		return nil, fmt.Errorf("%s is damaged (%v); `gantry sweep SPEC` writes it anew", filepath.Join(dir, planFile), err)
	}
	s := &Sweep{Dir: dir, Spec: p.Spec, unkept: map[string]Outcome{}}
	for i, t := range p.Trials {
		if err := record.CheckName(t.Name); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, planFile), err)
		}
		s.Trials = append(s.Trials, Trial{i, t.Name, t.Settings})
	}
	return s, nil
}

// ReadAgain is Read for the spec that a sweep's folder keeps.
func ReadAgain(dir string, train Train) (*Spec, error) {
	s, err := Load(dir)
	if err != nil {
		return nil, Wrong{err}
	}
	if err := s.Spec.check(train); err != nil {
		return nil, wrongf("%s: %w", dir, err)
	}
	return s.Spec, nil
}

// FolderOf is the folder of a sweep by the path of its spec, beside which it lies, or by its own.
func FolderOf(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path
	}
	if dir := strings.TrimSuffix(path, filepath.Ext(path)); dir != path && filepath.Base(path) != filepath.Ext(path) {
		return dir
	}
	return path + ".sweep"
}

// Busy tells whether a process is at work on the sweep in a folder.
func Busy(dir string) bool {
	lock := private.Lock(dir)
	held, err := lock.TryRLock()
	if held {
		lock.Unlock()
	}
	return err == nil && !held
}

// dirOf is a trial's folder.
func (s *Sweep) dirOf(t Trial) string { return filepath.Join(s.Dir, t.Name) }

// lock keeps other sweeps out of the folder.
func (s *Sweep) lock() (unlock func(), err error) {
	lock := private.Lock(s.Dir)
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("the sweep's folder: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("another `gantry sweep` is at work in %s; wait for it or stop it", s.Dir)
	}
	return func() { lock.Unlock() }, nil
}
