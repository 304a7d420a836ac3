package process

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
