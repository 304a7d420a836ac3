package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"gantry.local/gan/measure"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
)

// measuredFile holds the last Measured of a run, in its folder.
const measuredFile = "measured.json"

// Measured is what was last measured of a run.
type Measured struct {
	Step int       `json:"step"` // of the run then
	At   time.Time `json:"at"`
	measure.Result
}

// String says of which step it is, above the table.
func (m Measured) String() string { return fmt.Sprintf("step %d\n%s", m.Step, m.Result) }

// HTML is the table for a notebook.
func (m Measured) HTML() string { return fmt.Sprintf("<div>step %d</div>%s", m.Step, m.Result.HTML()) }

const largestMeasured = 1 << 20

// ReadMeasured returns what was measured of the run in a folder, nil where nothing was. A damaged file is an error.
func ReadMeasured(dir string) (*Measured, error) {
	if err := Trusted(dir); err != nil {
		return nil, err
	}
	f, err := private.Open(filepath.Join(dir, measuredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestMeasured))
	if err != nil {
		return nil, err
	}
	m := &Measured{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s is damaged: measure the run again (%w)", filepath.Join(dir, measuredFile), err)
	}
	return m, nil
}

// Write keeps it in a run's folder, in the place of the one before.
func (m *Measured) Write(dir string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, measuredFile), append(text, '\n'), 0o600)
}
