package study

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
)

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
