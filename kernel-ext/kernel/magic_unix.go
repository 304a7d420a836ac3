//go:build unix

package kernel

import (
	"os/exec"
	"syscall"
	"time"
)

// killsGroup has a command that is ended before its time take along what it started.
func killsGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
}
