//go:build unix

package kernel

import "syscall"

// terminate asks a process to end.
func terminate(pid int) { syscall.Kill(pid, syscall.SIGTERM) }

// interrupt asks a process to stop what it does.
func (m member) interrupt() { syscall.Kill(m.pid, syscall.SIGINT) }

// kill ends a process at once.
func (m member) kill() { syscall.Kill(m.pid, syscall.SIGKILL) }

// alive tells whether a process exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
