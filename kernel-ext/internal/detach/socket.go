package detach

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// SocketFile is the name of the socket in a process's folder.
const SocketFile = "socket"

// longestPath is the longest path of a Unix socket that every system takes.
const longestPath = 103

// Listen makes the socket of the process whose folder is dir, in place of one that a dead process left. Only one process
// may call it for a folder at a time; a lock is the caller's business. The folder may have a path of any length.
func Listen(dir string) (net.Listener, error) {
	path := filepath.Join(dir, SocketFile)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	short, release, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false) // by then the short path may name nothing, or a successor's socket
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Dial connects to the process whose folder is dir.
func Dial(ctx context.Context, dir string) (net.Conn, error) {
	short, release, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	return d.DialContext(ctx, "unix", short)
}

// shortPath names the socket in dir by a path that is short enough; release gives back what the path needs.
func shortPath(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, SocketFile)
	if len(path) <= longestPath {
		return path, func() {}, nil
	}
	return throughDescriptor(dir)
}
