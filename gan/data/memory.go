package data

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryUnknown is what is taken for available where the system does not tell.
const memoryUnknown = 8 << 30

// availableMemory is how many bytes this process may still take: of the machine, of its control group, or as GOMEMLIMIT says,
// whichever is least.
func availableMemory() int64 {
	available := int64(memoryUnknown)
	if info, err := os.ReadFile("/proc/meminfo"); err == nil {
		if kibibytes, found := field(info, "MemAvailable:"); found {
			available = kibibytes << 10
		}
	}
	available = min(available, groupLimit("/sys/fs/cgroup", "/proc/self/cgroup"))
	return min(available, debug.SetMemoryLimit(-1))
}

// field is the number behind a name at the beginning of a line.
func field(text []byte, name string) (value int64, found bool) {
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) > 1 && words[0] == name {
			value, err := strconv.ParseInt(words[1], 10, 64)
			return value, err == nil
		}
	}
	return 0, false
}

// groupLimit is the least memory limit of the process's control groups and those around them, of either version.
func groupLimit(root, membership string) int64 {
	limit := int64(math.MaxInt64)
	file, err := os.Open(membership)
	if err != nil {
		return limit
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		parts := strings.SplitN(lines.Text(), ":", 3) // number, controllers, path
		if len(parts) < 3 {
			continue
		}
		base, name := root, "memory.max"
		switch parts[1] {
		case "":
		case "memory":
			base, name = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		default:
			continue
		}
		for group := filepath.Clean("/" + parts[2]); ; group = filepath.Dir(group) {
			if text, err := os.ReadFile(filepath.Join(base, group, name)); err == nil {
				if most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil { // else it is "max"
					limit = min(limit, most)
				}
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
}
