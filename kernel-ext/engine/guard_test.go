package engine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestGuardSparesTheNextKernelsSocket lets the guard of a killed kernel find the socket of its own kernel, and that of
// the next.
func TestGuardSparesTheNextKernelsSocket(t *testing.T) {
	for name, next := range map[string]bool{"own": false, "the next kernel's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			socket := filepath.Join(folder, "id", "socket")
			temp := &Temp{Dir: filepath.Join(folder, "temp")}
			program := exec.Command("sleep", "1000")
			program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			err := errors.Join(os.MkdirAll(filepath.Dir(socket), 0o700), os.MkdirAll(filepath.Join(temp.Dir, "module"), 0o700),
				os.WriteFile(socket, nil, 0o600), program.Start())
			if err != nil {
				t.Fatal(err)
			}
			made := time.Now().Add(-time.Hour)
			if next {
				made = time.Now().Add(time.Hour)
			}
			g, err := Watch(temp, socket)
			if err != nil {
				t.Fatal(err)
			}
			other := exec.Command("sleep", "1000")
			other.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := other.Start(); err != nil {
				t.Fatal(err)
			}
			defer other.Wait()
			defer other.Process.Kill()
			if err := errors.Join(g.Also(other.Process.Pid), g.Also(program.Process.Pid), g.NoLonger(other.Process.Pid), os.Chtimes(socket, made, made)); err != nil {
				t.Fatal(err)
			}
			g.alive.Close()
			g.cmd.Wait()
			if err := program.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("the program ended with %v", err)
			}
			if err := other.Process.Signal(syscall.Signal(0)); err != nil {
				t.Errorf("what is watched no longer is ended, too: %v", err)
			}
			if _, err := os.Stat(socket); (err == nil) != next {
				t.Errorf("socket: %v", err)
			}
			if _, err := os.Stat(filepath.Dir(socket)); (err == nil) != next {
				t.Errorf("folder of the socket: %v", err)
			}
			if _, err := os.Stat(temp.Dir); !os.IsNotExist(err) {
				t.Errorf("temporary folder: %v", err)
			}
		})
	}
}
