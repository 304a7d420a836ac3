package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// OwnSession starts a process in its own session, which all that it starts shares unless it leaves it, and has it
// terminated when the thread that started it ends, and so when this process dies, however it dies.
func OwnSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}

// sessionMembers lists the living processes of a session.
func sessionMembers(session int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	wanted := strconv.Itoa(session)
	var members []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// pid (name) state ppid pgrp session …; the name may hold spaces and parentheses
		text := string(stat)
		to := strings.LastIndexByte(text, ')')
		if to < 0 {
			continue
		}
		fields := strings.Fields(text[to+1:])
		if len(fields) >= 4 && fields[0] != "Z" && fields[0] != "X" && fields[3] == wanted {
			members = append(members, pid)
		}
	}
	return members
}
