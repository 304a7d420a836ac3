package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
)

// place is the folder of a run as its process holds it: locked, and with a socket. A person may delete or move it, or
// delete the lock or the socket in it, while the run trains.
type place struct {
	dir    string
	folder *os.File

	mu       sync.Mutex
	lock     *flock.Flock
	locked   os.FileInfo // the lock's file
	listener *private.Listener
	hushed   bool
}

// awaitOwner gives the process that keeps a run whose lock was deleted the time to find that out and to make it anew, as it does
// at its next look at the folder.
func awaitOwner(dir string) {
	if _, err := os.Lstat(filepath.Join(dir, runLockFile)); err == nil {
		return
	}
	if history, err := os.Lstat(filepath.Join(dir, historyFile)); err != nil || history.Size() == 0 {
		return // it begins
	}
	for begin := time.Now(); time.Since(begin) < placeTime+lookingTime && !lives(dir); {
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
	p := &place{dir: dir, folder: folder}
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
	lock, err := lockSoon(p.dir)
	if err != nil || lock == nil {
		return false, err
	}
	err = os.WriteFile(lock.Path(), fmt.Append(nil, os.Getpid()), 0o600) // for who must end it
	if err == nil {
		p.locked, err = os.Lstat(lock.Path())
	}
	if err != nil {
		lock.Unlock()
		return false, err
	}
	p.lock = lock
	return true, nil
}

// listen opens the socket, and hands it to accept.
func (p *place) listen(accept func(net.Listener)) error {
	l, err := private.Listen(p.dir, detach.SocketFile)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hushed {
		return l.Close()
	}
	if p.listener != nil {
		p.listener.Close()
	}
	p.listener = l
	accept(l)
	return nil
}

// path names the folder itself, wherever it is now, so that nothing is made where a person has deleted it.
func (p *place) path() string { return pathOf(p.folder, p.dir) }

// hush closes the socket for good.
func (p *place) hush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hushed = true
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// leave gives the folder back.
func (p *place) leave() {
	p.hush()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lock.Unlock()
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
	if lock, err := os.Lstat(filepath.Join(p.dir, runLockFile)); err == nil && os.SameFile(lock, p.locked) {
		return nil
	}
	held, err := p.lockIt()
	if err == nil && !held {
		err = errTaken
	}
	return err
}

const placeTime = time.Second // between two looks at the folder

// watchPlace ends the run when its folder is no longer its own: nothing is left behind where a person deleted it, and one
// that was moved is saved where it is now. A socket that was deleted is opened anew.
func (r *resident) watchPlace(accept func(net.Listener)) {
	tick := time.NewTicker(placeTime)
	defer tick.Stop()
	for {
		select {
		case <-r.ended:
			return
		case <-tick.C:
		}
		var moved *movedError
		switch err := r.place.check(); {
		case errors.As(err, &moved):
			err := r.between(context.Background(), r.writeState)
			r.lose(errors.Join(moved, err))
			return
		case errors.Is(err, errDeleted), errors.Is(err, errTaken):
			r.lose(err)
			return
		}
		if _, err := os.Lstat(filepath.Join(r.place.dir, detach.SocketFile)); errors.Is(err, os.ErrNotExist) {
			r.place.listen(accept)
		}
	}
}

// lose ends the run without saving.
func (r *resident) lose(why error) {
	begun := false
	r.update(func() { r.lost, r.stopping, r.goal.on, begun = why, true, false, r.ready })
	if !begun {
		r.exit()
	}
}
