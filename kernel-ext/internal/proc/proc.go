//go:build linux

// Package proc reads what Linux says about processes.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Process is one that lives.
type Process struct {
	PID, Parent, Session int
	Name                 string // as the system cuts it, to 15 bytes
}

// All lists the living processes that this user may see.
func All() ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		p, living, err := read(pid)
		if err != nil {
			return nil, err
		}
		if living {
			all = append(all, p)
		}
	}
	return all, nil
}

// read finds out who a process is; it does not live where it has ended, be it that its parent has not noticed yet.
func read(pid int) (p Process, living bool, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrPermission) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	// pid (name) state parent group session …, and the name may hold anything
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return p, false, fmt.Errorf("/proc/%d/stat is not understood: %q", pid, stat)
	}
	p.PID, p.Name = pid, string(stat[open+1:shut])
	var state rune
	var group int
	if _, err := fmt.Sscanf(string(stat[shut+1:]), " %c %d %d %d", &state, &p.Parent, &group, &p.Session); err != nil {
		return p, false, fmt.Errorf("/proc/%d/stat is not understood: %w: %q", pid, err, stat)
	}
	return p, state != 'Z' && state != 'X', nil
}
