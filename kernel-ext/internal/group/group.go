//go:build unix

// Package group ends a command along with what it has started.
package group

import (
	"os/exec"
	"syscall"
	"time"
)

// Kill has a command that is ended before its time take along what it started.
func Kill(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
}
