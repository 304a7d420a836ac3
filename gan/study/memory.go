package study

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// processorTime is what all threads of this process have computed since it began; 0 where the system does not tell.
func processorTime() time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0
	}
	_, behind, _ := strings.Cut(string(text), ") ") // its name, which may have spaces
	fields := strings.Fields(behind)
	if len(fields) < 13 {
		return 0
	}
	const tick = time.Second / 100
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// memoryInUse is the resident set of this process in bytes; where the system does not tell it, what Go has taken, which leaves out
// a plugin's.
func memoryInUse() int {
	var size, resident int
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if _, err := fmt.Fscan(bytes.NewReader(text), &size, &resident); err == nil {
			return resident * os.Getpagesize()
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys)
}
