//go:build linux

package oversee

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"gantry.local/kernel-ext/internal/proc"
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

// others are the living processes that are this one's to end: in a container of which it is the first all others, also
// those that came in from outside; else its descendants.
func others() ([]proc.Process, error) {
	living, err := proc.All()
	if err != nil {
		return nil, err
	}
	self := os.Getpid()
	all := map[int]proc.Process{}
	for _, p := range living {
		all[p.PID] = p
	}
	delete(all, self)
	var ours []proc.Process
	for _, p := range all {
		descends := self == first
		for at, is := p, true; is && !descends; at, is = all[at.Parent] {
			descends = at.Parent == self
		}
		if descends {
			ours = append(ours, p)
		}
	}
	return ours, nil
}
