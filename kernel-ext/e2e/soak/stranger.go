//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/lab"
)

// stranger is the second user's process: it tries something and ends with 0 if it was turned away.
func stranger(args []string) {
	var err error
	switch args[0] {
	case "dial":
		err = dialed(args[1:])
	case "read":
		err = read(args[1:])
	case "take":
		err = take(args[1], args[2:])
	case "trap":
		err = trap(args[1])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// dialed wants none of the sockets to say anything.
func dialed(paths []string) error {
	for _, path := range paths {
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err != nil {
			continue
		}
		conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
		io.WriteString(conn, "\x00\x00\x00\x02{}")
		n, err := conn.Read(make([]byte, 100))
		conn.Close()
		if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("another user is connected to %s", path)
		}
	}
	return nil
}

// read wants none of the files to be readable or writable.
func read(paths []string) error {
	for _, path := range paths {
		for _, how := range []int{os.O_RDONLY, os.O_WRONLY} {
			if f, err := os.OpenFile(path, how, 0); err == nil {
				f.Close()
				return fmt.Errorf("another user can open %s", path)
			}
		}
	}
	return nil
}

// take makes a folder and a link in turn, the links to the first of its arguments.
func take(to string, paths []string) error {
	for i, path := range paths {
		var err error
		if i%2 == 0 {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.Symlink(to, path)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// trap is a folder that looks like a run, with a program and a socket that answers, until standard input ends.
func trap(dir string) error {
	socket := filepath.Join(dir, "socket")
	os.RemoveAll(dir)
	err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "program"), []byte("#!/bin/sh\nid >"+filepath.Dir(dir)+"/sprung\n"), 0o755),
		os.WriteFile(filepath.Join(dir, "run.json"), []byte(`{"Version":1,"WorkDir":"/","Args":["x"],"Status":{"Name":"trap"}}`), 0o644))
	if err != nil {
		return err
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	os.Chmod(socket, 0o777)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			text := `{"Version":1,"Body":{"Name":"trap","State":"paused","Step":666,"Pid":1}}`
			answer := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), 0, 0, 0, 0)
			conn.Write(append(answer, text...))
			conn.Close()
		}
	}()
	fmt.Println("set")
	io.Copy(io.Discard, os.Stdin)
	l.Close()
	return os.RemoveAll(dir)
}

// as starts this program as the second user.
func (w *world) as(args ...string) *exec.Cmd {
	c := exec.Command(w.place.program, append([]string{"stranger"}, args...)...)
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return c
}

// strangers has the second user try what he can.
func (w *world) strangers(ctx context.Context, rnd *rand.Rand) {
	type attempt struct {
		kind string
		do   func() error
	}
	attempts := []attempt{
		{"second user dials all sockets", func() error { return w.turnedAway("dial", w.sockets()) }},
		{"second user opens all files", func() error { return w.turnedAway("read", w.files()) }},
		{"second user takes names", w.namesTaken},
		{"second user sets a trap", w.trapped},
	}
	for ctx.Err() == nil {
		a := choose(rnd, attempts, func(attempt) int { return 1 })
		w.ledger.fault(a.kind)
		if err := a.do(); err != nil {
			w.ledger.broke("%s: %v", a.kind, err)
		}
		pause(ctx, 1000+rnd.IntN(3000))
	}
}

func (w *world) turnedAway(how string, what []string) error {
	if len(what) == 0 {
		return nil
	}
	if said, err := w.as(append([]string{how}, what...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// find lists what lies below folders and is of a kind.
func find(kind func(fs.FileMode) bool, dirs ...string) (found []string) {
	for _, dir := range dirs {
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && kind(entry.Type()) {
				found = append(found, path)
			}
			return nil
		})
	}
	return found[:min(len(found), 500)]
}

// sockets are all that there are: of runs, channels, and Jupyter's where they have paths.
func (w *world) sockets() []string {
	return find(func(m fs.FileMode) bool { return m&fs.ModeSocket != 0 }, w.place.runs, w.place.jupyter, w.place.tmp)
}

func (w *world) files() []string {
	return find(fs.FileMode.IsRegular, w.place.runs, w.place.jupyter)
}

// namesTaken makes folders and links beside those that kernels have in the shared temporary folder, of the like names: a kernel that
// starts looks there for what dead ones have left. It wants what the second user has made before to be there still.
func (w *world) namesTaken() error {
	for _, path := range w.taken {
		if _, err := os.Lstat(path); err != nil {
			return fmt.Errorf("what is the second user's is gone: %w", err)
		}
	}
	w.taken = nil
	for deadline := time.Now().Add(patience); len(w.taken) == 0; time.Sleep(50 * time.Millisecond) {
		entries, err := os.ReadDir(w.place.tmp)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if path := filepath.Join(w.place.tmp, entry.Name()); private.Check(path) == nil { // a kernel's, whose names end in random letters and digits
				w.taken = append(w.taken, path+"0", path+"1")
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no kernel has a folder in %s", w.place.tmp)
		}
	}
	return w.turnedAway("take", append([]string{w.place.runs}, w.taken...))
}

// trapped attaches to a run that the second user has made up.
func (w *world) trapped() error {
	setter := w.as("trap", filepath.Join(w.place.shared, "trap"))
	in, err := setter.StdinPipe()
	if err != nil {
		return err
	}
	out, err := setter.StdoutPipe()
	if err != nil {
		return err
	}
	if err := setter.Start(); err != nil {
		return err
	}
	defer setter.Wait()
	defer in.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "set\n" {
		return fmt.Errorf("it could not be set: %q %w", line, err)
	}
	victim := exec.Command(w.place.program, "client", "trap", "sample", "1")
	victim.Env = append(os.Environ(), lab.EnvRuns+"="+w.place.shared)
	var said strings.Builder
	victim.Stdout = &said
	if err := victim.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- victim.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(patience):
		victim.Process.Kill()
		<-ended
		return fmt.Errorf("a client of it was not back within %s", patience)
	}
	if sprung, statErr := os.Stat(filepath.Join(w.place.shared, "sprung")); statErr == nil {
		return fmt.Errorf("its program ran as this user (%v)", sprung.Sys().(*syscall.Stat_t).Uid)
	}
	if err == nil || strings.HasPrefix(said.String(), "attached") {
		return fmt.Errorf("a client believed it: %q", said.String())
	}
	return nil
}
