//go:build unix && !linux

package lab

import "runtime"

// memoryInUse is what Go knows of this process's memory, which leaves out a plugin's.
func memoryInUse() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys)
}

// isProgram cannot be told here; that the run's lock is held must do.
func isProgram(int, string) bool { return true }
