//go:build linux

package oversee

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// first is the number of the process that the system starts first, in a container as on a machine.
const first = 1

// adopt makes the orphans among this process's descendants its children. The first process gets them anyway.
func adopt() error {
	// What is read in /proc is taken for numbers that can be signalled: it must be of the same namespace.
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return fmt.Errorf("the processes cannot be seen: %w; mount /proc", err)
	}
	if self != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("/proc says that this is process %s and it is %d: mount the container's own /proc", self, os.Getpid())
	}
	if os.Getpid() == first {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot look after orphans: %w", err)
	}
	return nil
}

// process is a living one.
type process struct {
	pid, parent int
	name        string
}

// others are the living processes that are this one's to end: in a container of which it is the first all others, also
// those that came in from outside; else its descendants.
func others() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	all := map[int]process{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == self {
			continue
		}
		p, living, err := read(pid)
		if err != nil {
			return nil, err
		}
		if living {
			all[pid] = p
		}
	}
	var ours []process
	for _, p := range all {
		descends := self == first
		for at, is := p, true; is && !descends; at, is = all[at.parent] {
			descends = at.parent == self
		}
		if descends {
			ours = append(ours, p)
		}
	}
	return ours, nil
}

// read finds out who a process is; it does not live where it has ended, be it that its parent has not noticed yet.
func read(pid int) (p process, living bool, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return p, false, nil
	}
	if err != nil {
		return p, false, err
	}
	// pid (name) state parent …, and the name may hold anything
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return p, false, fmt.Errorf("/proc/%d/stat is not understood: %q", pid, stat)
	}
	fields := strings.Fields(string(stat[shut+1:]))
	if len(fields) < 2 {
		return p, false, fmt.Errorf("/proc/%d/stat is not understood: %q", pid, stat)
	}
	p = process{pid: pid, name: string(stat[open+1 : shut])}
	p.parent, err = strconv.Atoi(fields[1])
	return p, fields[0] != "Z" && fields[0] != "X", err
}
