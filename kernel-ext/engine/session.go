package engine

import (
	"syscall"
	"time"
)

// KillSession kills every process of a session until none is left: one may be born while the process table is read.
func KillSession(session int) {
	for range 100 {
		members := sessionMembers(session)
		if len(members) == 0 {
			return
		}
		for _, pid := range members {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
