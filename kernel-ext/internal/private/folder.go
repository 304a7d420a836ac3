// Package private keeps folders, files and sockets to one user: what this process makes is closed to others, and what
// it finds is used only if nobody else can have put it there.
//
// Reading order: folder.go (what lies on the disk), socket.go (who is at the other end), local.go (the same over TCP), then
// the system's part.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"
)

// ErrForeign is the error for a folder, a file or a peer that is another user's, or that others may have written to.
var ErrForeign = errors.New("not private to this user")

// othersWrite are the bits of a mode by which others than the owner may write.
const othersWrite = 0o022

// Folder makes a folder of mode 0700 under any umask, with those above it where they are missing. One that is there must
// be this user's own, no link, and closed to the writing of others; it is closed to their reading. The error is ErrForeign
// where it is not so, and names the folder.
func Folder(dir string) error {
	dir = filepath.Clean(dir)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrNotExist) {
		if err := Folder(filepath.Dir(dir)); err != nil {
			return err
		}
		return Folder(dir)
	} else if err == nil {
		return os.Chmod(dir, 0o700) // the umask may have taken more; nobody else could put another in its place meanwhile
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	folder, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Chmod(0o700)
}

// Check reports what makes a file, folder or socket unfit to be trusted: that it is a link, that it is another user's, or
// that others may write to it. The error is ErrForeign then, and names the path.
func Check(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return check(path, info)
}

func check(path string, info fs.FileInfo) error {
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link, and what it points at may be anybody's: %w; name the place itself", path, ErrForeign)
	case !known || int(owner.Uid) != os.Getuid():
		return fmt.Errorf("%s belongs to another user: %w; remove it or use another place", path, ErrForeign)
	case info.Mode().Perm()&othersWrite != 0:
		return fmt.Errorf("others may write to %s: %w; if what it holds is yours, run chmod go-w on it", path, ErrForeign)
	}
	return nil
}

// Open opens a regular file for reading, which Check would pass, and which is still the one that was checked.
func Open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, Check(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Lock is the lock on a folder, which is no link. It is not taken yet.
func Lock(dir string) *flock.Flock {
	return flock.New(dir, flock.SetFlag(os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW))
}

// openFolder opens a folder that Check would pass.
func openFolder(dir string) (*os.File, error) {
	folder, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrPermission) {
		if foreign := Check(dir); foreign != nil { // which says more
			return nil, foreign
		}
	}
	if err != nil {
		return nil, err
	}
	info, err := folder.Stat()
	if err == nil {
		err = check(dir, info)
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return folder, nil
}
