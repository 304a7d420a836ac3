package cell

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// become replaces this process by another program.
func become(path string, args []string) error { return syscall.Exec(path, args, os.Environ()) }

// endWithParent has a child killed when this process dies, however it dies.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// apart has a child go on when this process and its group end, and no longer than its session: that of the kernel's engine.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// changed is when a file's content, name or attributes last changed; no program can set it back.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
