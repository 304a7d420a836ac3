package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/internal/private"
)

const tempPrefix = "gantry-kernel-"

// Temp is the private folder of a kernel, for everything that GoNB, its builds and its cells leave behind. The kernel holds
// a lock on it, by which others see that it lives: a process number says nothing where the temporary folder is shared by
// containers that do not see each other's processes.
type Temp struct {
	Dir  string
	lock *flock.Flock
}

// MakeTemp makes the folder of a kernel, and begins to remove what kernels left that were killed outright.
func MakeTemp(log func(format string, args ...any)) (*Temp, error) {
	base, err := filepath.Abs(os.TempDir())
	if err != nil {
		return nil, err
	}
	go sweepTemp(base, log)
	return makeTemp(base)
}

// makeTemp makes the folder of a kernel.
func makeTemp(base string) (*Temp, error) {
	for range 100 {
		dir, err := os.MkdirTemp(base, tempPrefix+"*")
		if err != nil {
			return nil, fmt.Errorf("cannot make a folder for temporary files: %w; set TMPDIR to a folder that can be written to", err)
		}
		err = os.Chmod(dir, 0o700) // the umask may have taken more
		var lock *flock.Flock
		if err == nil {
			lock, err = lockFolder(dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another kernel may sweep it away before it is locked
			return nil, err
		}
		if lock != nil {
			return &Temp{dir, lock}, nil
		}
	}
	return nil, fmt.Errorf("no folder that is made in %s stays", base)
}

// Remove removes the folder and what is in it.
func (t *Temp) Remove() error {
	defer t.lock.Close()
	return os.RemoveAll(t.Dir)
}

// lockFolder takes the lock on a folder of this user without waiting. It returns nil where another process has it, or
// where the folder is gone.
func lockFolder(dir string) (*flock.Flock, error) {
	lock := private.Lock(dir)
	taken, err := lock.TryLock()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	if taken {
		locked, errLocked := lock.Stat()
		there, errThere := os.Lstat(dir)
		if errLocked == nil && errThere == nil && os.SameFile(locked, there) {
			return lock, nil
		}
	}
	return nil, lock.Close()
}

// sweepTemp removes what kernels left that were killed outright.
func sweepTemp(base string, log func(format string, args ...any)) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return // making a folder there says more
	}
	ours := regexp.MustCompile("^" + tempPrefix + "[a-z0-9]+$")
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if !ours.MatchString(e.Name()) || private.Check(dir) != nil {
			continue
		}
		lock, err := lockFolder(dir)
		if err != nil {
			log("%v", err)
		}
		if lock == nil {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			log("cannot remove %s of a dead kernel: %v", dir, err)
		}
		lock.Close()
	}
}
