//go:build unix

package setup

import (
	"os/exec"
	"syscall"
)

// ownGroup starts cmd in a process group of its own and ends it with SIGTERM, at which Jupyter shuts its kernels down.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
}
