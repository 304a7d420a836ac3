package private

import (
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
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peer *syscall.Ucred
	asked := raw.Control(func(fd uintptr) {
		peer, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if asked != nil {
		return 0, asked
	}
	if err != nil {
		return 0, err
	}
	return int(peer.Uid), nil
}
