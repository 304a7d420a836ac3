//go:build !linux

package cell

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// become runs another program to its end and ends this process with its status.
func become(path string, args []string) error {
	cmd := exec.Command(path, args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if cmd.ProcessState != nil {
		os.Exit(cmd.ProcessState.ExitCode())
	}
	return err
}

// endWithParent is for Linux alone.
func endWithParent() *syscall.SysProcAttr { return nil }

// changed is when a file was last written to.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }

// apart is for Linux alone.
func apart() *syscall.SysProcAttr { return nil }
