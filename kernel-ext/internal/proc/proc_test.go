//go:build linux

package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAll wants a process that lives, under a name that looks like what stands behind it, with its parent and session, and none that
// has ended and was not waited for.
func TestAll(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "a) Z 1 (b")
	if err := os.Symlink("/bin/sh", odd); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(odd, "-c", "read line")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	input, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer input.Close()
	all, err := All()
	want := Process{PID: c.Process.Pid, Parent: os.Getpid(), Session: c.Process.Pid, Name: "a) Z 1 (b"}
	if err != nil || !slices.Contains(all, want) {
		t.Errorf("%v: %+v is not among %+v", err, want, all)
	}
	if !slices.ContainsFunc(all, func(p Process) bool { return p.PID == os.Getpid() }) {
		t.Error("this process is not there")
	}

	ended := exec.Command("true")
	if err := ended.Start(); err != nil {
		t.Fatal(err)
	}
	defer ended.Wait()
	pid := ended.Process.Pid
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil { // it is not reaped yet
		t.Fatal(err)
	}
	if all, err := All(); err != nil || slices.ContainsFunc(all, func(p Process) bool { return p.PID == pid }) {
		t.Errorf("%v: a process that has ended is there", err)
	}
}
