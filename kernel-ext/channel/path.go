package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// SocketFile is the name of the kernel's socket in its folder. The folder is also for the sockets of processes that
// belong to that kernel.
const SocketFile = "kernel"

// longestPath is the longest path of a Unix socket that every system takes.
const longestPath = 103

// Path returns the path of the socket of the kernel with this connection file. It follows from the connection file
// alone, which Jupyter keeps when it restarts a kernel, and is short enough for a Unix socket where the temporary folder
// has a path of sensible length.
func Path(connectionFile string) string {
	if absolute, err := filepath.Abs(connectionFile); err == nil {
		connectionFile = absolute
	}
	sum := sha256.Sum256([]byte(connectionFile))
	base := filepath.Join(os.TempDir(), "gantry-"+strconv.Itoa(os.Getuid()))
	path := filepath.Join(base, hex.EncodeToString(sum[:8]), SocketFile)
	if len(path) > longestPath {
		base = filepath.Join("/tmp", filepath.Base(base))
		path = filepath.Join(base, hex.EncodeToString(sum[:8]), SocketFile)
	}
	return path
}

// PrivateFolder makes a folder that only this user can enter, or checks that it is one.
func PrivateFolder(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a private folder of this user: remove it", dir)
	}
	return nil
}

// ListenAt opens a Unix socket for this user alone, in place of one that a dead process left, never of a living one's.
// The folder of path, and the one above it, are made where they are missing. Closing the listener removes the socket;
// RemoveFolder then removes what is empty.
func ListenAt(path string) (net.Listener, error) {
	if len(path) > longestPath {
		return nil, fmt.Errorf("the path %s is too long for a socket: set TMPDIR to a folder with a short path", path)
	}
	dir := filepath.Dir(path)
	for range 10 { // a process that ends may remove the folder just now
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := PrivateFolder(d); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		l, err := listenIn(dir, path)
		if !errors.Is(err, os.ErrNotExist) {
			return l, err
		}
	}
	return nil, fmt.Errorf("the folder %s vanishes again and again", dir)
}

// listenIn makes the socket while it holds a lock on the folder, so that of two processes that find a dead one's socket
// only one replaces it.
func listenIn(dir, path string) (net.Listener, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close() // which also unlocks it
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	living, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		living.Close()
		return nil, fmt.Errorf("%s: %w", path, errInUse)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	case errors.Is(err, os.ErrNotExist):
	default: // it lives, but does not answer
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

var errInUse = errors.New("another process listens there")

// RemoveFolder removes the folder of a socket, and the one above it, where they are empty.
func RemoveFolder(path string) {
	dir := filepath.Dir(path)
	if os.Remove(dir) == nil {
		os.Remove(filepath.Dir(dir))
	}
}
