//go:build linux || darwin

package data

import (
	"os"
	"syscall"
)

const noFollow = syscall.O_NOFOLLOW

// freeSpace is how many bytes are free on the disk that a file lies on.
func freeSpace(file *os.File) int64 {
	var disk syscall.Statfs_t
	if syscall.Fstatfs(int(file.Fd()), &disk) != nil {
		return 0
	}
	return int64(disk.Bavail) * int64(disk.Bsize)
}
