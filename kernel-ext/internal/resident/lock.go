package resident

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/internal/private"
)

// Lock is a folder's, held by the process that keeps the folder.
type Lock struct {
	file *flock.Flock
	made os.FileInfo
}

// lookTime is how long the looks of others may hold up who takes a lock. A look is over at once, unless its process is stopped
// in the middle of it.
const lookTime = 10 * time.Second

// Take takes the lock of a folder, and writes this process's number into it for who must end it. While another process has
// it, Take waits for patience; then it returns nil.
//
// The keeper's lock is exclusive, and a look (Kept) is a shared one. So who finds the lock taken can tell a keeper from
// those that only look, for which it waits longer.
func Take(dir string, patience time.Duration) (*Lock, error) {
	path := filepath.Join(dir, LockFile)
	if err := private.Check(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l := &Lock{file: flock.New(path, flock.SetPermissions(0o600))}
	for begin := time.Now(); ; time.Sleep(2 * time.Millisecond) {
		held, err := l.file.TryLock()
		if err != nil {
			return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
		}
		if held {
			break
		}
		switch waited := time.Since(begin); {
		case waited > patience && Kept(dir):
			return nil, nil
		case waited > max(patience, lookTime):
			return nil, fmt.Errorf("cannot lock %s: a process that only looks at %s does not let go of it", dir, path)
		}
	}
	err := os.WriteFile(path, fmt.Append(nil, os.Getpid()), 0o600)
	if err == nil {
		l.made, err = os.Lstat(path)
	}
	if err != nil {
		l.file.Unlock()
		return nil, err
	}
	return l, nil
}

// Release lets go of the lock, whose file stays.
func (l *Lock) Release() error { return l.file.Unlock() }

// There tells whether the lock's file is where it was: who removes it can lock the folder beside this process.
func (l *Lock) There() bool {
	now, err := os.Lstat(l.file.Path())
	return err == nil && os.SameFile(now, l.made)
}

// Kept tells whether a process keeps a folder. It holds up nobody who takes the lock.
func Kept(dir string) bool {
	path := filepath.Join(dir, LockFile)
	if private.Check(path) != nil { // there is none, or not one to be opened
		return false
	}
	look := flock.New(path, flock.SetPermissions(0o600))
	shared, err := look.TryRLock()
	if shared {
		look.Unlock()
	}
	return err == nil && !shared
}

// AwaitEnd waits until no process keeps a folder; false when one still does after patience.
func AwaitEnd(dir string, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); Kept(dir); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// Keeper is the process that keeps a folder, as it wrote into its lock; 0 where there is none or it cannot be told.
func Keeper(dir string) (pid int) {
	path := filepath.Join(dir, LockFile)
	f, err := private.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 || !holds(pid, path) {
		return 0
	}
	return pid
}
