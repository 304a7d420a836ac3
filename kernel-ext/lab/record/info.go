package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"gantry.local/gan/lint"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
)

// Info is the content of run.json. The first three fields, with the name of Data, are how a run of a recipe is made again;
// they are all that `gantry train` once wrote.
type Info struct {
	Recipe string `json:"recipe,omitempty"` // "": of an experiment that no recipe makes
	Batch  int    `json:"batch"`
	Seed   int64  `json:"seed"`
	Parts  string `json:"parts,omitempty"` // a spec.Spec of all else that is said of it

	Version    int                // protocolVersion of the process that wrote it
	Definition lint.Signature     // of the experiment as it was opened
	Data       KeptData           // what it is trained on
	Beside     []lint.DataShape   `json:",omitempty"` // the other data sets, where there are several
	Initial    map[string]float64 // the settings' values in the experiment itself
	Loss       string             // that was set while it trained, or ""
	Status     Status             // the last
	Args       []string           // of the program
	WorkDir    string             // of the program
	From       string             // the run it was forked from, or ""
	Opened     string             // the name by which the program opens it, which may be another than the folder's now
}

// KeptData is a data set as run.json keeps it. `gantry train` once wrote only its name.
type KeptData lint.DataShape

// UnmarshalJSON takes both.
func (d *KeptData) UnmarshalJSON(text []byte) error {
	if name := ""; json.Unmarshal(text, &name) == nil {
		*d = KeptData{Name: name}
		return nil
	}
	return json.Unmarshal(text, (*lint.DataShape)(d))
}

// Errors that a program may want to tell apart.
var (
	// ErrNoRun is the error for a name or folder without a run.
	ErrNoRun = errors.New("there is no such run")

	// ErrDamagedInfo is the error for a run whose run.json is damaged or gone.
	ErrDamagedInfo = errors.New("run.json is damaged")
)

const largestInfo = 16 << 20

// ReadInfo reads a run's run.json. The error is ErrNoRun for a folder without a run, and ErrDamagedInfo where there is one whose
// run.json is damaged or gone; the info is nil then.
func ReadInfo(dir string) (*Info, error) {
	if err := Trusted(dir); err != nil {
		return nil, err
	}
	f, err := private.Open(filepath.Join(dir, infoFile))
	if errors.Is(err, fs.ErrNotExist) {
		if Holds(dir) {
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
	i := &Info{}
	if err := json.Unmarshal(text, i); err != nil {
		return nil, fmt.Errorf("run %s: %w (%w)", filepath.Base(dir), ErrDamagedInfo, err)
	}
	if !i.MadeBy().Known() && i.Definition.Parts == nil {
		return nil, fmt.Errorf("run %s: %w: it does not say what the run trains", filepath.Base(dir), ErrDamagedInfo)
	}
	return i, nil
}

// Write writes it into a run's folder.
func (i *Info) Write(dir string) error {
	text, err := json.MarshalIndent(i, "", " ")
	if err != nil {
		return err
	}
	return wholefile.WriteTransient(filepath.Join(dir, infoFile), append(text, '\n'), 0o600)
}
