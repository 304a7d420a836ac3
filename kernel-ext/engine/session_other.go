//go:build unix && !linux

package engine

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// OwnSession starts a process in its own session. There is no parent-death signal here; the end of the socket has to do.
func OwnSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// sessionMembers lists the living processes of a session.
func sessionMembers(session int) []int {
	table, err := exec.Command("ps", "-A", "-o", "pid=,stat=").Output()
	if err != nil {
		return nil
	}
	var members []int
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || fields[1][0] == 'Z' {
			continue
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		if of, err := unix.Getsid(pid); err == nil && of == session {
			members = append(members, pid)
		}
	}
	return members
}
