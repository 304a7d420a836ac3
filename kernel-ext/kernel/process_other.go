//go:build unix && !linux

package kernel

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// ownSession starts a process in its own session. There is no parent-death signal here; see the orphan check in Serve.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// killSession kills the process group of GoNB, and gopls, which has a group of its own.
func killSession(session int) {
	table, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	syscall.Kill(-session, syscall.SIGKILL)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[1] == strconv.Itoa(session) {
			pid, _ := strconv.Atoi(fields[0])
			member{pid: pid}.kill()
		}
	}
}

// startTime is not known here: every process of GoNB's group counts as the running cell's.
type startTime uint64

func startTimeNow() startTime { return 1 }

// sessionMembers lists the processes of GoNB's process group.
func sessionMembers(session int) []member {
	table, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,pgid=,comm=").Output()
	if err != nil {
		return nil
	}
	var members []member
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[2] != strconv.Itoa(session) {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		parent, _ := strconv.Atoi(fields[1])
		name := fields[3]
		members = append(members, member{pid: pid, parent: parent, start: 1, name: name[strings.LastIndexByte(name, '/')+1:]})
	}
	return members
}

// holdOutput is not possible here: what a program sends GoNB just before its end may be lost.
func holdOutput(int) (*os.File, <-chan struct{}, error) { return nil, nil, errors.ErrUnsupported }

// widenPipe does nothing: pipes grow by themselves here.
func widenPipe(int) {}
