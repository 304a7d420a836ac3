//go:build unix

package kernel

import "syscall"

// terminate asks a process to end.
func terminate(pid int) { syscall.Kill(pid, syscall.SIGTERM) }

// interrupt asks GoNB to interrupt its cell. GoNB passes the signal on to the program it runs, so sending it to the
// whole group would deliver it twice.
func interrupt(pid int) { syscall.Kill(pid, syscall.SIGINT) }

// alive tells whether a process exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
