package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/jupyter"
)

// TestUnixSocketsArePrivateAndGoWithTheKernel ends kernels in every way.
func TestUnixSocketsArePrivateAndGoWithTheKernel(t *testing.T) {
	for name, end := range map[string]func(c *client){
		"shutdown request": func(c *client) { c.send(c.control, "shutdown_request", map[string]any{"restart": false}) },
		"SIGTERM":          func(c *client) { c.process.Process.Signal(syscall.SIGTERM) },
		"kill":             func(c *client) { c.process.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := exec.Command("/bin/sh", "-c", `umask 0; exec "$0"`, os.Args[0]) // the kernel and all it starts
			c := start(t, "ipc", open, kernelEnvironment(t))
			c.mustRun(hello, "hello")
			folder := filepath.Dir(c.connection.IP)
			if info, err := os.Lstat(folder); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("folder of the sockets: %v, %v", info.Mode(), err)
			}
			for _, socket := range c.connection.Files() {
				if info, err := os.Lstat(socket); err != nil || info.Mode() != os.ModeSocket|0o600 {
					t.Errorf("%s: %v, %v", socket, info.Mode(), err)
				}
			}
			end(c)
			<-c.exited
			deadline := time.Now().Add(5 * second)
			for {
				_, err := os.Lstat(folder)
				if errors.Is(err, os.ErrNotExist) {
					break
				}
				if time.Now().After(deadline) {
					left, _ := os.ReadDir(folder)
					t.Fatalf("%s is left with %v", folder, left)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
}

// TestRestartAtTheSameUnixSockets starts a kernel where one was killed, before and after that one's guard has cleared up.
func TestRestartAtTheSameUnixSockets(t *testing.T) {
	c := startKernelOver(t, "ipc")
	c.mustRun(hello, "hello")
	for range 2 {
		c.process.Process.Kill()
		<-c.exited
		next := exec.Command(c.process.Path)
		next.Env, next.Stdout, next.Stderr, next.SysProcAttr = c.process.Env, c.log, c.log, c.process.SysProcAttr
		if err := next.Start(); err != nil {
			t.Fatal(err)
		}
		c.process, c.exited = next, make(chan struct{})
		go func(exited chan struct{}) {
			next.Wait()
			close(exited)
		}(c.exited)
		c.connect()
		c.mustRun(hello, "hello")
	}
	for range 150 { // longer than the guards wait
		time.Sleep(10 * time.Millisecond)
		for _, socket := range c.connection.Files() {
			if _, err := os.Lstat(socket); err != nil {
				t.Fatalf("the guard of a killed kernel took a socket of the next: %v", err)
			}
		}
	}
}

func TestUnixSocketsInAFolderOfOthersAreRefused(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := errors.Join(os.Mkdir(open, 0o777), os.Chmod(open, 0o777)); err != nil {
		t.Fatal(err)
	}
	_, err := jupyter.Listen("ROUTER", "ipc://"+filepath.Join(open, "k-1"), &jupyter.Logger{})
	if !errors.Is(err, private.ErrForeign) || !strings.Contains(err.Error(), open) {
		t.Errorf("error %v", err)
	}
}

// TestAnotherUserIsTurnedAway lets "nobody" (65534) try all ports of a kernel whose front-end wants TCP. It needs a second
// user, so for others than root only this user's own way in is left to try.
func TestAnotherUserIsTurnedAway(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	greeted := func(port int, user uint32) string {
		t.Helper()
		script := fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d; head -c 1 <&3 | wc -c", port)
		command := exec.CommandContext(t.Context(), "bash", "-c", script)
		command.Dir = "/"
		if user != uint32(os.Getuid()) {
			command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		}
		said, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(said))
	}
	for name, port := range c.ports() {
		if got := greeted(port.port, uint32(os.Getuid())); got != "1" {
			t.Errorf("%s: this user gets %s bytes of a greeting", name, got)
		}
		if os.Getuid() == 0 {
			if got := greeted(port.port, 65534); got != "0" {
				t.Errorf("%s: another user gets %s bytes of a greeting", name, got)
			}
		}
	}
}
