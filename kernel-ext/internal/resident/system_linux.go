package resident

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// openProgram opens an executable, "" for that of this process, also where its file has been replaced since.
func openProgram(path string) (*os.File, error) {
	if path == "" {
		path = "/proc/self/exe"
	}
	return os.Open(path)
}

// Stopped tells whether a process was stopped by a signal, such as SIGSTOP.
func Stopped(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
	return strings.HasPrefix(after, "T") || strings.HasPrefix(after, "t")
}

// wanted is for how long each thread of a process has had a processor or waited for one; nil where that cannot be told, and
// for this process, whose asking it would be.
func wanted(pid int) map[string]time.Duration {
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/schedstat")
	if err != nil || pid == os.Getpid() {
		return nil
	}
	all := map[string]time.Duration{}
	for _, thread := range threads {
		text, err := os.ReadFile(thread) // "60352641 1044421 132": on a processor, waiting for one, times
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(text))[:2] {
			n, _ := strconv.ParseInt(field, 10, 64)
			all[thread] += time.Duration(n)
		}
	}
	return all
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
