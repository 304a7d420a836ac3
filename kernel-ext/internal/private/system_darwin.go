package private

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// longestPath is the longest path of a Unix socket here.
const longestPath = 103

// socketPath names a socket by its path, which must be short: descriptors of folders are no paths here.
func socketPath(folder *os.File, name string) (string, error) {
	path := filepath.Join(folder.Name(), name)
	if len(path) > longestPath {
		return "", fmt.Errorf("the path %s has %d bytes, a socket's may have %d: use a folder with a shorter path", path, len(path), longestPath)
	}
	return path, nil
}

// peerUser returns the user of the process that made, or listens for, a connection.
func peerUser(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *unix.Xucred
	asked := raw.Control(func(fd uintptr) {
		peer, err = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	})
	if asked != nil {
		return 0, asked
	}
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}

// Process returns the process that made a connection to a Unix socket, or 0 where that cannot be told.
func Process(conn net.Conn) int {
	pid := 0
	if local, ok := conn.(*net.UnixConn); ok {
		if raw, err := local.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				if peer, err := unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil {
					pid = peer
				}
			})
		}
	}
	return pid
}
