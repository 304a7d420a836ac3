package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ownSession starts a process in its own session, which gopls and the cells of GoNB share though they have process
// groups of their own, and has it terminated when this process dies, however it dies.
func ownSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
}

// killSession kills every process of a session until none is left: one may be born while the process table is read.
func killSession(session int) {
	for range 100 {
		members := sessionMembers(session)
		if len(members) == 0 {
			return
		}
		for _, m := range members {
			m.kill()
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// startTime is when a process started, in clock ticks since the machine did.
type startTime uint64

// ticksPerSecond is the unit of start times in /proc; Linux has had no other for user space.
const ticksPerSecond = 100

// startTimeNow returns the start time of a process that would start now.
func startTimeNow() startTime {
	const bootClock = 7
	var now syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, bootClock, uintptr(unsafe.Pointer(&now)), 0)
	if failed != 0 {
		return 1 // every process counts
	}
	return startTime(now.Nano() / (int64(time.Second) / ticksPerSecond))
}

// sessionMembers lists the living processes of a session.
func sessionMembers(session int) []member {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	wanted := strconv.Itoa(session)
	var members []member
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// pid (name) state ppid pgrp session … starttime, the 22nd; the name may hold spaces and parentheses
		text := string(stat)
		from, to := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
		if from < 0 || to < from {
			continue
		}
		fields := strings.Fields(text[to+1:])
		if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" || fields[3] != wanted {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		start, _ := strconv.ParseUint(fields[19], 10, 64)
		members = append(members, member{pid: pid, parent: parent, name: text[from+1 : to], start: startTime(start)})
	}
	return members
}

// holdOutput opens what a process has for its standard error, so that whoever reads that does not come to its end. ended
// is closed when the process has ended.
func holdOutput(pid int) (held *os.File, ended <-chan struct{}, err error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, nil, err
	}
	held, err = os.OpenFile(fmt.Sprintf("/proc/%d/fd/2", pid), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		defer unix.Close(fd)
		for err := error(unix.EINTR); errors.Is(err, unix.EINTR); {
			_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		}
	}()
	return held, end, nil
}

// widenPipe lets a pipe hold more, so that a program that prints much seldom waits. Without it the pipe works too.
func widenPipe(fd int) {
	const size = 1 << 20 // the most that Linux grants everybody
	syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETPIPE_SZ, size)
}
