package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
)

// place is the folder of a run as its process holds it: locked. A person may delete or move it, or delete the lock in it,
// while the run trains.
type place struct {
	dir    string
	folder *os.File
	path   string // names the folder itself, wherever it is now, so that nothing is made where a person has deleted it

	mu   sync.Mutex
	lock *resident.Lock
}

// awaitOwner gives the process that keeps a run whose lock was deleted the time to find that out and to make it anew, as it does
// at its next look at the folder.
func awaitOwner(dir string) {
	if _, err := os.Lstat(filepath.Join(dir, resident.LockFile)); err == nil {
		return
	}
	if history, err := os.Lstat(filepath.Join(dir, record.HistoryFile)); err != nil || history.Size() == 0 {
		return // it begins
	}
	for begin := time.Now(); time.Since(begin) < placeTime+record.LockPatience && !resident.Kept(dir); {
		time.Sleep(10 * time.Millisecond)
	}
}

// take locks a run's folder for this process; nil when another has it.
func take(dir string) (*place, error) {
	awaitOwner(dir)
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, folder: folder, path: pathOf(folder, dir)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if held, err := p.lockIt(); err != nil || !held {
		folder.Close()
		return nil, err
	}
	return p, nil
}

// lockIt takes the lock, called under mu.
func (p *place) lockIt() (held bool, err error) {
	lock, err := resident.Take(p.dir, record.LockPatience)
	if lock != nil {
		p.lock = lock
	}
	return lock != nil, err
}

// leave gives the folder back.
func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lock.Release()
	p.folder.Close()
}

// Errors of check.
var (
	errDeleted = errors.New("the run's folder was deleted while it trained")
	errTaken   = errors.New("the lock of the run's folder was deleted, and another process has taken it")
)

// movedError is the error of a folder that is elsewhere now.
type movedError struct{ from, to string }

// Error says where.
func (e *movedError) Error() string {
	return fmt.Sprintf("the run's folder was moved from %s to %s while it trained", e.from, e.to)
}

// check reports that the folder is no longer this process's. A lock that was deleted is made anew, where nobody has.
func (p *place) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	folder, err := p.folder.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Lstat(p.dir); err != nil || !os.SameFile(folder, there) {
		if to := folderNow(p.folder); to != "" {
			return &movedError{p.dir, to}
		}
		return errDeleted
	}
	if p.lock.There() {
		return nil
	}
	held, err := p.lockIt()
	if err == nil && !held {
		err = errTaken
	}
	return err
}

const placeTime = time.Second // between two looks at the folder
