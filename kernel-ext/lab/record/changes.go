package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"gantry.local/kernel-ext/internal/wholefile"
)

// Change is a setting, or the loss, that was set while the run trained, after so many calls.
type Change struct {
	Calls int
	Name  string
	Value float64 `json:",omitempty"`
	Loss  string  `json:",omitempty"`
}

// String says what was set.
func (c Change) String() string {
	if c.Loss != "" {
		return "loss = " + c.Loss
	}
	return fmt.Sprintf("%s = %g", c.Name, c.Value)
}

// ReadChanges reads what was set, the oldest first.
func ReadChanges(path string) ([]Change, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Change
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var c Change
		if err := decoder.Decode(&c); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil { // the last line of a process that was killed
			return all, nil
		}
		all = append(all, c)
	}
}

// AddChange notes what was set.
func AddChange(path string, c Change) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(c), f.Close())
}

// CutChanges keeps some of the changes and returns the others.
func CutChanges(path string, keep func(Change) bool) (gone []Change, err error) {
	all, err := ReadChanges(path)
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
