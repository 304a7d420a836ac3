// Package record is what a run keeps: its folder on the disk, and what is known of it while it has no process. What is in
// it is read by who only looks, and written by the run's process alone.
//
// Reading order: columns.go (what is recorded of each step), history.go (its file), earlier.go (what is kept of older steps), stretches.go (a whole history in few parts), curves.go (what of it is drawn), status.go (where a run stands), folder.go (what lies where, and
// whom it may belong to), changes.go (what was set meanwhile), ladder.go (checkpoints to go back to), weights.go, words.go,
// info.go (run.json), recipe.go (what can be told of how a run is made again), measured.go (what was measured of it).
package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/internal/wholefile"
)

// EnvRuns names the folder that holds the run folders. Where it is not set, that is "runs" in the project's folder
// ($GANTRY_ROOT), and outside of a project "runs" in the working directory.
const EnvRuns = "GANTRY_RUNS"

// A run's folder holds these, and the program, log, lock and socket of its process (package resident).
const (
	infoFile       = "run.json"       // what is known of the run while its process is gone
	SpecFile       = "spec.json"      // what it trains, by names, for people and `gantry train --spec`
	HistoryFile    = "history"        // every call of a step, of a long run the newest ones, see history.go
	earlierSuffix  = ".earlier"       // behind the name of the history: what is kept of older calls, see earlier.go
	ChangesFile    = "changes"        // what was set while it trained, a JSON line each
	progressFile   = "progress.jsonl" // what `gantry train` reported
	weightsPattern = "*.safetensors"  // a network's weights each, as train.Trainer.SaveWeights writes them, when the run last paused
	CheckpointsDir = "checkpoints"    // the newest two, as package gan keeps them
	LadderDir      = "ladder"         // older ones, to go back to
	asideDir       = ".aside"         // in the runs' folder: runs that gave their name to another
	longestName    = 64
)

// EarlierFile is what a run's folder has of older calls beside HistoryFile, once there are many.
const EarlierFile = HistoryFile + earlierSuffix

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

// CheckName reports what makes a name unfit for a run, whose folder has it.
func CheckName(name string) error {
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

// DirOf returns the folder of a run, which may not exist. A run that is kept elsewhere than in RunsDir is named by its
// folder, with a separator.
func DirOf(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if dir, err := filepath.Abs(name); err == nil && Holds(dir) {
			return dir, nil
		}
	}
	if err := CheckName(name); err != nil {
		return "", err
	}
	runs, err := RunsDir()
	return filepath.Join(runs, name), err
}

// Holds tells whether there is something of a run in a folder, be it damaged.
func Holds(dir string) bool {
	for _, name := range []string{infoFile, weightsPattern, CheckpointsDir + "/*.safetensors", LadderDir + "/*.safetensors"} {
		if found, err := filepath.Glob(filepath.Join(Quoted(dir), name)); err == nil && len(found) > 0 {
			return true
		}
	}
	history, err := os.Lstat(filepath.Join(dir, HistoryFile))
	if err != nil || history.Size() == 0 || !history.Mode().IsRegular() {
		return false
	}
	past, err := openPast(dir)
	if err != nil {
		return true
	}
	defer past.close()
	return past.N > 0
}

// Quoted is a path as filepath.Glob takes it for itself.
func Quoted(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Trusted reports why what lies in a run's folder must not be run or believed: a run folder is code, so it must be this
// user's own and closed to the writing of others, and so must be all that a run keeps in it; links are not followed.
func Trusted(dir string) error {
	if err := private.Check(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	names := []string{infoFile, SpecFile, resident.LockFile, HistoryFile, EarlierFile, ChangesFile, CheckpointsDir, LadderDir, resident.ProgramFile,
		resident.ValuesDir, resident.LogFile, progressFile, measuredFile}
	weights, err := filepath.Glob(filepath.Join(Quoted(dir), weightsPattern))
	if err != nil {
		return err
	}
	for _, path := range weights {
		names = append(names, filepath.Base(path))
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = private.Check(path)
		}
		if err != nil {
			return err
		}
		if folder := name == CheckpointsDir || name == LadderDir || name == resident.ValuesDir; info.IsDir() != folder || !folder && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not what a run keeps there: remove it, or use another folder", path)
		}
	}
	return nil
}

// MakeDir makes a run's folder, private to the user; made tells that there was none.
func MakeDir(dir string) (made bool, err error) {
	_, err = os.Lstat(dir)
	made = errors.Is(err, fs.ErrNotExist)
	if err := private.Folder(dir); err != nil {
		return false, fmt.Errorf("the run's folder: %w", err)
	}
	return made, Trusted(dir)
}

// Lives tells whether a process keeps the run in a folder.
func Lives(dir string) bool { return Trusted(dir) == nil && resident.Kept(dir) }

// PutAside moves a run's folder out of the way and returns where it is now.
func PutAside(dir string) (string, error) {
	aside := filepath.Join(filepath.Dir(dir), asideDir)
	if err := private.Folder(aside); err != nil {
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

// LockPatience is how long a run's lock may be another's before who would keep the run gives way.
const LockPatience = 200 * time.Millisecond

// RemoveUnused removes a run's folder that was made for a run which then could not begin.
func RemoveUnused(dir string) {
	if Trusted(dir) != nil || Holds(dir) {
		return
	}
	lock, err := resident.Take(dir, LockPatience)
	if err != nil || lock == nil {
		return // somebody begins there
	}
	defer lock.Release()
	if !Holds(dir) {
		os.RemoveAll(dir)
	}
}

// CopyFile copies a file, whole or not at all.
func CopyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return wholefile.Write(to, content, 0o600)
}
