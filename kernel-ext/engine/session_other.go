//go:build unix && !linux

package engine

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// OwnSession starts a process in its own session. There is no parent-death signal here; the end of the socket has to do.
func OwnSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// KillSession kills the processes of a session.
func KillSession(session int) {
	table, err := exec.Command("ps", "-A", "-o", "pid=,sess=,pgid=,ppid=").Output()
	syscall.Kill(-session, syscall.SIGKILL)
	if err != nil {
		return
	}
	wanted := strconv.Itoa(session)
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) == 4 && (fields[1] == wanted || fields[2] == wanted || fields[3] == wanted) {
			pid, _ := strconv.Atoi(fields[0])
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
