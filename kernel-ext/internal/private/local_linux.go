package private

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// The request and the answer of Linux's sock_diag for one connection: a netlink header, then inet_diag_req_v2, or
// inet_diag_msg; see linux/inet_diag.h.
const (
	sockDiagByFamily = 20
	diagRequestSize  = syscall.NLMSG_HDRLEN + 56
	diagUserAt       = syscall.NLMSG_HDRLEN + 64
)

// localUser returns the user who has the socket at local, of a TCP connection between two sockets of this machine, by
// asking the system for exactly that socket.
func localUser(local, remote *net.TCPAddr) (uid int, err error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_INET_DIAG)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	patience := syscall.Timeval{Sec: 1}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience); err != nil {
		return 0, err
	}
	request := make([]byte, diagRequestSize)
	native := binary.NativeEndian
	native.PutUint32(request[0:], diagRequestSize)
	native.PutUint16(request[4:], sockDiagByFamily)
	native.PutUint16(request[6:], syscall.NLM_F_REQUEST)
	body := request[syscall.NLMSG_HDRLEN:]
	from, to := local.IP.To4(), remote.IP.To4()
	body[0] = syscall.AF_INET
	if from == nil || to == nil {
		from, to, body[0] = local.IP.To16(), remote.IP.To16(), syscall.AF_INET6
	}
	body[1] = syscall.IPPROTO_TCP
	native.PutUint32(body[4:], ^uint32(0)) // in any state
	binary.BigEndian.PutUint16(body[8:], uint16(local.Port))
	binary.BigEndian.PutUint16(body[10:], uint16(remote.Port))
	copy(body[12:28], from)
	copy(body[28:44], to)
	native.PutUint64(body[48:], ^uint64(0)) // no cookie
	if err := syscall.Sendto(fd, request, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return 0, err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(fd, answer, 0)
	if err != nil {
		return 0, err
	}
	switch {
	case n >= syscall.NLMSG_HDRLEN+4 && native.Uint16(answer[4:]) == syscall.NLMSG_ERROR:
		return 0, syscall.Errno(-int32(native.Uint32(answer[syscall.NLMSG_HDRLEN:])))
	case n < diagUserAt+4 || native.Uint16(answer[4:]) != sockDiagByFamily:
		return 0, fmt.Errorf("the system's answer about a connection has %d bytes: %w", n, errors.ErrUnsupported)
	}
	return int(native.Uint32(answer[diagUserAt:])), nil
}
