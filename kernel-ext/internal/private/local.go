package private

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
)

// CheckLocal reports that the other end of a TCP connection is a process of this machine and of another user than this
// one, root, or those in also: the error is ErrForeign then. Of peers on other machines, and where the system does not
// tell, nothing is known, and the result is nil: what matters must be signed.
func CheckLocal(conn *net.TCPConn, also ...int) error {
	peer, own := conn.RemoteAddr().(*net.TCPAddr), conn.LocalAddr().(*net.TCPAddr)
	if !peer.IP.IsLoopback() && !peer.IP.Equal(own.IP) {
		return nil
	}
	uid, err := localUser(peer, own)
	switch {
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("the process at the other end is gone: %w", ErrForeign)
	case err != nil || uid == os.Getuid() || uid == 0 || slices.Contains(also, uid):
		return nil
	}
	return fmt.Errorf("the process at the other end is of user %d: %w", uid, ErrForeign)
}
