package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/gofrs/flock"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/kernel-ext/internal/wholefile"
)

// EnvRuns names the folder that holds the run folders. Where it is not set, that is "runs" in the project's folder
// ($GANTRY_ROOT), and outside of a project "runs" in the working directory.
const EnvRuns = "GANTRY_RUNS"

// A run's folder holds these, and the program, log and socket of its process (package detach).
const (
	infoFile        = "run.json"    // what is known of the run while its process is gone
	runLockFile     = "lock"        // held for as long as the run's process lives
	historyFile     = "history"     // every call of a step, see history.go
	changesFile     = "changes"     // what was set while it trained, a JSON line each
	checkpointsDir  = "checkpoints" // the newest two, as package gan keeps them
	ladderDir       = "ladder"      // older ones, to go back to
	asideDir        = ".aside"      // in the runs' folder: runs that gave their name to another
	longestName     = 64
	protocolVersion = 1 // of what is said over the socket; a change that an older process cannot answer raises it
)

// RunsDir returns the folder that holds the run folders, see EnvRuns.
func RunsDir() (string, error) {
	if dir := os.Getenv(EnvRuns); dir != "" {
		return filepath.Abs(dir)
	}
	if root := os.Getenv(device.EnvRoot); root != "" {
		return filepath.Join(root, "runs"), nil
	}
	return filepath.Abs("runs")
}

// checkName reports what makes a name unfit for a run, whose folder has it.
func checkName(name string) error {
	fit := name != "" && len(name) <= longestName && !strings.ContainsRune(".-", rune(name[0]))
	for _, r := range name {
		fit = fit && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r))
	}
	if !fit {
		return fmt.Errorf("%q is no name for a run: use letters, digits, '-', '_' and '.', at most %d bytes, a letter or digit first",
			name, longestName)
	}
	return nil
}

// dirOf returns the folder of a run, which may not exist.
func dirOf(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	runs, err := RunsDir()
	return filepath.Join(runs, name), err
}

// makeDir makes a run's folder, private to the user.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the run's folder: %w", err)
	}
	return os.Chmod(dir, 0o700) // one that was there may be open to others
}

// info is the content of run.json.
type info struct {
	Version    int                // protocolVersion of the process that wrote it
	Definition gan.Signature      // of the experiment as it was opened
	Data       gan.DataShape      // what it is trained on
	Initial    map[string]float64 // the settings' values in the experiment itself
	Loss       string             // that was set while it trained, or ""
	Status     Status             // the last
	Args       []string           // of the program
	WorkDir    string             // of the program
	From       string             // the run it was forked from, or ""
}

// errNoRun is the error of readInfo for a folder without a run.
var errNoRun = errors.New("there is no such run")

func readInfo(dir string) (*info, error) {
	text, err := os.ReadFile(filepath.Join(dir, infoFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run %s: %w", filepath.Base(dir), errNoRun)
	}
	if err != nil {
		return nil, err
	}
	i := &info{}
	if err := json.Unmarshal(text, i); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, infoFile), err)
	}
	return i, nil
}

func (i *info) write(dir string) error {
	text, err := json.MarshalIndent(i, "", " ")
	if err != nil {
		return err
	}
	return wholefile.WriteTransient(filepath.Join(dir, infoFile), append(text, '\n'), 0o600)
}

// lockRun takes the lock of a run's folder, or returns nil when a process has it.
func lockRun(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, runLockFile), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	if !held {
		return nil, nil
	}
	return lock, nil
}

// lives tells whether a process keeps the run.
func lives(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, runLockFile)); err != nil {
		return false
	}
	lock, err := lockRun(dir)
	if lock != nil {
		lock.Unlock()
	}
	return err == nil && lock == nil
}

// waitForEnd waits until no process keeps the run.
func waitForEnd(dir string, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); lives(dir); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// putAside moves a run's folder out of the way and returns where it is now.
func putAside(dir string) (string, error) {
	aside := filepath.Join(filepath.Dir(dir), asideDir)
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return "", err
	}
	stamp := time.Now().Format("20060102-150405")
	to := filepath.Join(aside, filepath.Base(dir)+"-"+stamp)
	for n := 2; ; n++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return to, os.Rename(dir, to)
		}
		to = filepath.Join(aside, fmt.Sprintf("%s-%s-%d", filepath.Base(dir), stamp, n))
	}
}
