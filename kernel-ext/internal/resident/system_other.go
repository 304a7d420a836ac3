//go:build unix && !linux

package resident

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// openProgram opens an executable, "" for that of this process.
func openProgram(path string) (*os.File, error) {
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		path = self
	}
	return os.Open(path)
}

// Stopped is not known here.
func Stopped(int) bool { return false }

// wanted is not known here.
func wanted(int) map[string]time.Duration { return nil }

// holds trusts what the process that has the lock wrote into it.
func holds(pid int, path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && strings.TrimSpace(string(text)) == strconv.Itoa(pid)
}

// peerPid is not known here.
func peerPid(net.Conn) int { return 0 }
