//go:build unix && !linux

package kernel

import "syscall"

// ownSession starts a process in its own session. There is no parent-death signal here; see the orphan check in Serve.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// killSession kills the process group of GoNB. gopls, which has a group of its own, ends when its input closes.
func killSession(session int) { syscall.Kill(-session, syscall.SIGKILL) }
