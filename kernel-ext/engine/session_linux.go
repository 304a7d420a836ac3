package engine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// OwnSession starts a process in its own session, which all that it starts shares unless it leaves it, and has it
// terminated when the thread that started it ends, and so when this process dies, however it dies.
func OwnSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}

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
