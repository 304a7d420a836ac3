package lab

import (
	"os"
	"strconv"
	"strings"
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

// isProgram tells whether a process runs the given executable, or one that this has replaced.
func isProgram(pid int, path string) bool {
	target, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	return err == nil && strings.TrimSuffix(target, " (deleted)") == path
}
