package engine

import (
	"syscall"

	"gantry.local/kernel-ext/internal/proc"
)

// OwnSession starts a process in its own session, which all that it starts shares unless it leaves it, and has it
// terminated when the thread that started it ends, and so when this process dies, however it dies.
func OwnSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}

// sessionMembers lists the living processes of a session.
func sessionMembers(session int) (members []int) {
	all, err := proc.All()
	if err != nil {
		return nil
	}
	for _, p := range all {
		if p.Session == session {
			members = append(members, p.PID)
		}
	}
	return members
}
