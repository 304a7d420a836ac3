package private

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// socketPath names a socket by a descriptor of its folder: short whatever the length of the folder's path, and surely in
// the folder that was checked.
func socketPath(folder *os.File, name string) (string, error) {
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), name), nil
}

// peerUser returns the user of the process that made, or listens for, a connection.
func peerUser(conn *net.UnixConn) (uid int, err error) {
	peer, err := credentials(conn)
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}

// Process returns the process that made a connection to a Unix socket, or 0 where that cannot be told.
func Process(conn net.Conn) int {
	if local, ok := conn.(*net.UnixConn); ok {
		if peer, err := credentials(local); err == nil {
			return int(peer.Pid)
		}
	}
	return 0
}

func credentials(conn *net.UnixConn) (peer *syscall.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	asked := raw.Control(func(fd uintptr) {
		peer, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	return peer, errors.Join(asked, err)
}
