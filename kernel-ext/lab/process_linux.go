package lab

import (
	"bufio"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// memoryInUse is the resident set of this process in bytes.
func memoryInUse() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pages * os.Getpagesize()
}

// isStopped tells whether a process was stopped by a signal, such as SIGSTOP.
func isStopped(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	return strings.HasPrefix(after, "T") || strings.HasPrefix(after, "t")
}

// holds tells whether a process has the lock of this file.
func holds(pid int, path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return false
	}
	defer locks.Close()
	inode := ":" + strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10)
	for lines := bufio.NewScanner(locks); lines.Scan(); { // "1: FLOCK  ADVISORY  WRITE 10902 fe:00:9978511 0 EOF"
		if f := strings.Fields(lines.Text()); len(f) > 5 && f[1] == "FLOCK" && f[4] == strconv.Itoa(pid) && strings.HasSuffix(f[5], inode) {
			return true
		}
	}
	return false
}

// peerPid is the process at the other end of a connection, or 0 where it cannot be told.
func peerPid(conn net.Conn) int {
	unix, is := conn.(*net.UnixConn)
	if !is {
		return 0
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	raw.Control(func(fd uintptr) {
		if peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
			pid = int(peer.Pid)
		}
	})
	return pid
}

// folderNow is where an open folder is now; "" when it was deleted.
func folderNow(folder *os.File) string {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(folder.Fd())))
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return ""
	}
	return path
}

// pathOf names an open folder by its descriptor.
func pathOf(folder *os.File, _ string) string {
	return "/proc/self/fd/" + strconv.Itoa(int(folder.Fd()))
}
