package keep

import (
	"os"
	"syscall"
)

// written is when a file was last written to, in nanoseconds since 1970, or 0 where the system does not say.
func written(f *os.File) int64 {
	var s syscall.Stat_t
	if syscall.Fstat(int(f.Fd()), &s) != nil {
		return 0
	}
	return s.Mtim.Nano()
}
