//go:build !linux

package private

import (
	"errors"
	"net"
)

// localUser returns an error: this system does not say whose the other end of a TCP connection is.
func localUser(local, remote *net.TCPAddr) (uid int, err error) { return 0, errors.ErrUnsupported }
