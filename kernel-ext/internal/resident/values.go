package resident

import (
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/keep"
)

// ValuesDir is the folder, in that of a resident process, with the variables of a notebook that its program begins with, as
// the cell did that it was copied from.
const ValuesDir = "values"

// keepValues puts what this process began with beside the copy of its program in dir, in the place of what was there. A
// process that has mapped that keeps it. Of clients that start it at once each waits for the one before.
func keepValues(dir string, own bool) error {
	lock := flock.New(dir, flock.SetFlag(os.O_RDONLY)) // the folder itself
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Unlock()
	values := filepath.Join(dir, ValuesDir)
	if leftovers, err := filepath.Glob(filepath.Join(dir, "."+ValuesDir+".*.tmp")); err == nil {
		for _, path := range leftovers { // of one that was killed here
			os.RemoveAll(path)
		}
	}
	fresh, err := os.MkdirTemp(dir, "."+ValuesDir+".*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // gone after the rename
	if own {
		if _, err := keep.Snapshot(fresh); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(fresh)
	if err == nil {
		err = os.RemoveAll(values)
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	return os.Rename(fresh, values)
}
