//go:build unix && !linux

package lab

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// memoryInUse is what Go knows of this process's memory, which leaves out a plugin's.
func memoryInUse() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys)
}

// isStopped is not known here.
func isStopped(int) bool { return false }

// holds trusts what the process that has the lock wrote into it.
func holds(pid int, path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(pid)
}

// peerPid is not known here.
func peerPid(net.Conn) int { return 0 }

// folderNow cannot be told here: a folder that is no longer at its path counts as deleted.
func folderNow(*os.File) string { return "" }

// pathOf is the path by which a folder was opened.
func pathOf(_ *os.File, path string) string { return path }
