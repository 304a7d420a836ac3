package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gofrs/flock"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
)

// EnvRuns names the folder that holds the run folders. Where it is not set, that is "runs" in the project's folder
// ($GANTRY_ROOT), and outside of a project "runs" in the working directory.
const EnvRuns = "GANTRY_RUNS"

// A run's folder holds these, and the program, log and socket of its process (package detach).
const (
	infoFile        = "run.json"              // what is known of the run while its process is gone
	runLockFile     = "lock"                  // held for as long as the run's process lives
	historyFile     = "history"               // every call of a step, see history.go
	changesFile     = "changes"               // what was set while it trained, a JSON line each
	progressFile    = "progress.jsonl"        // what `gantry train` reported
	generatorFile   = "generator.safetensors" // the weights, as gan.Trainer.SaveWeights writes them, when the run last paused
	criticFile      = "critic.safetensors"
	checkpointsDir  = "checkpoints" // the newest two, as package gan keeps them
	ladderDir       = "ladder"      // older ones, to go back to
	asideDir        = ".aside"      // in the runs' folder: runs that gave their name to another
	longestName     = 64
	protocolVersion = 2 // of what is said over the socket; a change that an older process cannot answer raises it
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

// dirOf returns the folder of a run, which may not exist. A run that is kept elsewhere than in RunsDir is named by its
// folder, with a separator.
func dirOf(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if dir, err := filepath.Abs(name); err == nil && holdsRun(dir) {
			return dir, nil
		}
	}
	if err := checkName(name); err != nil {
		return "", err
	}
	runs, err := RunsDir()
	return filepath.Join(runs, name), err
}

// holdsRun tells whether there is something of a run in a folder, be it damaged.
func holdsRun(dir string) bool {
	for _, name := range []string{infoFile, generatorFile, checkpointsDir + "/*.safetensors", ladderDir + "/*.safetensors"} {
		if found, err := filepath.Glob(filepath.Join(quoted(dir), name)); err == nil && len(found) > 0 {
			return true
		}
	}
	history, err := os.Lstat(filepath.Join(dir, historyFile))
	return err == nil && history.Size() > 0
}

// quoted is a path as filepath.Glob takes it for itself.
func quoted(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// trusted reports why what lies in a run's folder must not be run or believed: a run folder is code, so it must be this
// user's own and closed to the writing of others, and so must be all that a run keeps in it; links are not followed.
func trusted(dir string) error {
	if err := private.Check(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, name := range []string{infoFile, runLockFile, historyFile, changesFile, checkpointsDir, ladderDir, detach.ProgramFile,
		detach.LogFile, progressFile, generatorFile, criticFile} {
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
		if folder := name == checkpointsDir || name == ladderDir; info.IsDir() != folder || !folder && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not what a run keeps there: remove it, or use another folder", path)
		}
	}
	return nil
}

// makeDir makes a run's folder, private to the user; made tells that there was none.
func makeDir(dir string) (made bool, err error) {
	_, err = os.Lstat(dir)
	made = errors.Is(err, fs.ErrNotExist)
	if err := private.Folder(dir); err != nil {
		return false, fmt.Errorf("the run's folder: %w", err)
	}
	return made, trusted(dir)
}

// Recipe is how a run of a recipe is made again, by names.
type Recipe struct {
	Name  string // "": no recipe makes the run's experiment
	Data  string // name of the set, with its options; "": the recipe's own
	Batch int
	Seed  int64
}

// Experiment is the recipe with the run's settings. The recipe's own data may be a set that data.Named does not know.
func (r Recipe) Experiment() (gan.Experiment, error) {
	exp, err := recipe.Named(r.Name)
	if err != nil {
		return exp, err
	}
	if r.Data != "" && r.Data != exp.Data.Name {
		if exp.Data, err = data.Named(r.Data); err != nil {
			return exp, err
		}
	}
	exp.BatchSize, exp.Seed = r.Batch, r.Seed
	return exp, nil
}

// RecipeIn returns how the run in a folder is made again. The error is ErrNoRun for a folder without a run, and
// ErrDamagedInfo where its run.json is damaged and what it trains cannot be told from the checkpoints and weights either;
// notice says that it is damaged and could.
func RecipeIn(dir string) (r Recipe, notice string, err error) {
	i, err := readInfo(dir)
	if err == nil {
		if i.Recipe == "" && i.Version < 2 { // which did not say
			return i.recipeBefore(dir), "", nil
		}
		return i.recipe(), "", nil
	}
	if !errors.Is(err, ErrDamagedInfo) {
		return r, "", err
	}
	if _, kept := os.Lstat(filepath.Join(dir, detach.ProgramFile)); kept == nil {
		return r, "", nil // which knows
	}
	if r := recipeByWeights(dir); r.Name != "" {
		return r, fmt.Sprintf("%s; by its weights it is recipe %s on %s, batch %d, seed %d", oneLine(err), r.Name, r.Data, r.Batch, r.Seed), nil
	}
	return Recipe{}, "", err
}

// recipeByWeights is what the weights in a folder say of the recipe that made them; without a name where they do not.
func recipeByWeights(dir string) Recipe {
	w, err := weightsOf(dir)
	if err != nil {
		return Recipe{}
	}
	m := w.generator.Metadata
	batch, errBatch := strconv.Atoi(m["batch size"])
	seed, errSeed := strconv.ParseInt(m["seed"], 10, 64)
	r := Recipe{m["experiment"], m["data"], batch, seed}
	if _, unknown := r.Experiment(); unknown != nil || errBatch != nil || errSeed != nil {
		return Recipe{}
	}
	return r
}

// recipeBefore is the recipe of a run that an earlier version of the lab kept, if its signature is that of one.
func (i *info) recipeBefore(dir string) Recipe {
	r := recipeByWeights(dir)
	exp, err := r.Experiment()
	if err != nil {
		return Recipe{}
	}
	now, err := exp.SignatureOn(gan.DataShape(i.Data))
	if err != nil || len(now.Differences(i.Definition)) > 0 {
		return Recipe{}
	}
	return r
}

func (i *info) recipe() Recipe { return Recipe{i.Recipe, i.Data.Name, i.Batch, i.Seed} }

// Lives tells whether a process keeps the run in a folder.
func Lives(dir string) bool { return trusted(dir) == nil && lives(dir) }

// HoldsRun tells whether there is something of a run in a folder, be it damaged.
func HoldsRun(dir string) bool { return holdsRun(dir) }

// info is the content of run.json. The first three fields, with the name of Data, are how a run of a recipe is made again;
// they are all that `gantry train` once wrote.
type info struct {
	Recipe string `json:"recipe,omitempty"` // "": of an experiment that no recipe makes
	Batch  int    `json:"batch"`
	Seed   int64  `json:"seed"`

	Version    int                // protocolVersion of the process that wrote it
	Definition gan.Signature      // of the experiment as it was opened
	Data       keptData           // what it is trained on
	Initial    map[string]float64 // the settings' values in the experiment itself
	Loss       string             // that was set while it trained, or ""
	Status     Status             // the last
	Args       []string           // of the program
	WorkDir    string             // of the program
	From       string             // the run it was forked from, or ""
	Opened     string             // the name by which the program opens it, which may be another than the folder's now
}

// keptData is a data set as run.json keeps it. `gantry train` once wrote only its name.
type keptData gan.DataShape

// UnmarshalJSON takes both.
func (d *keptData) UnmarshalJSON(text []byte) error {
	if name := ""; json.Unmarshal(text, &name) == nil {
		*d = keptData{Name: name}
		return nil
	}
	return json.Unmarshal(text, (*gan.DataShape)(d))
}

// Errors that a program may want to tell apart.
var (
	// ErrNoRun is the error for a name or folder without a run.
	ErrNoRun = errors.New("there is no such run")

	// ErrDamagedInfo is the error for a run whose run.json is damaged or gone.
	ErrDamagedInfo = errors.New("run.json is damaged")
)

const largestInfo = 16 << 20

// readInfo reads a run's run.json. The error is ErrNoRun for a folder without a run, and ErrDamagedInfo where there is one whose
// run.json is damaged or gone; the info is nil then.
func readInfo(dir string) (*info, error) {
	if err := trusted(dir); err != nil {
		return nil, err
	}
	f, err := private.Open(filepath.Join(dir, infoFile))
	if errors.Is(err, fs.ErrNotExist) {
		if holdsRun(dir) {
			return nil, fmt.Errorf("run %s: %w: it is gone", filepath.Base(dir), ErrDamagedInfo)
		}
		return nil, fmt.Errorf("run %s: %w", filepath.Base(dir), ErrNoRun)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestInfo))
	if err != nil {
		return nil, err
	}
	i := &info{}
	if err := json.Unmarshal(text, i); err != nil {
		return nil, fmt.Errorf("run %s: %w (%w)", filepath.Base(dir), ErrDamagedInfo, err)
	}
	if i.Recipe == "" && i.Definition.Parts == nil {
		return nil, fmt.Errorf("run %s: %w: it does not say what the run trains", filepath.Base(dir), ErrDamagedInfo)
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

// definition is the signature of the run's experiment. Where only the recipe is known, it is made.
func (i *info) definition() (gan.Signature, error) {
	if i.Definition.Parts != nil {
		return i.Definition, nil
	}
	exp, err := i.recipe().Experiment()
	if err != nil {
		return gan.Signature{}, err
	}
	return exp.Signature()
}

// recipeOf is the name of the recipe that makes an experiment, or "".
func recipeOf(exp gan.Experiment, definition gan.Signature, shape gan.DataShape) string {
	made, err := Recipe{exp.Name, shape.Name, exp.BatchSize, exp.Seed}.Experiment()
	if err != nil {
		return ""
	}
	again, err := made.SignatureOn(shape)
	if err != nil || len(again.Differences(definition)) > 0 {
		return ""
	}
	return exp.Name
}

// lockRun takes the lock of a run's folder, or returns nil when a process has it.
func lockRun(dir string) (*flock.Flock, error) {
	path := filepath.Join(dir, runLockFile)
	if err := private.Check(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	if !held {
		return nil, nil
	}
	return lock, nil
}

// lockSoon is lockRun for the process that is to keep the run: others that only look have the lock for a moment.
func lockSoon(dir string) (*flock.Flock, error) {
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		lock, err := lockRun(dir)
		if lock != nil || err != nil || time.Since(begin) > lookingTime {
			return lock, err
		}
	}
}

const lookingTime = 200 * time.Millisecond

// lives tells whether a process keeps the run.
func lives(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, runLockFile)); err != nil {
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

// removeUnused removes a run's folder that was made for a run which then could not begin.
func removeUnused(dir string) {
	if trusted(dir) != nil || holdsRun(dir) {
		return
	}
	lock, err := lockSoon(dir)
	if err != nil || lock == nil {
		return // somebody begins there
	}
	defer lock.Unlock()
	if !holdsRun(dir) {
		os.RemoveAll(dir)
	}
}
