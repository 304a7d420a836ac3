//go:build unix

package kernel

import (
	"os"
	"syscall"
)

// lockFile waits until no other process has the lock on a file, and takes it until the file is closed.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			return err
		}
	}
}
