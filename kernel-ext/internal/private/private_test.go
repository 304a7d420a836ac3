package private

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestFolder(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		dir := filepath.Join(t.TempDir(), "a", "b")
		before := syscall.Umask(umask)
		err := Folder(dir)
		syscall.Umask(before)
		if err != nil {
			t.Errorf("under umask %o: %v", umask, err)
			continue
		}
		for _, made := range []string{dir, filepath.Dir(dir)} {
			if info, err := os.Stat(made); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("under umask %o, %s: %v %v, want mode 0700", umask, made, info.Mode(), err)
			}
		}
	}

	readable := made(t, 0o755)
	if err := Folder(readable); err != nil {
		t.Errorf("an own folder that others can read: %v", err)
	}
	if info, _ := os.Stat(readable); info.Mode().Perm() != 0o700 {
		t.Errorf("it has mode %o now, want 0700", info.Mode().Perm())
	}

	target := made(t, 0o755)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{"a link": link, "a folder that others can write to": made(t, 0o777)} {
		if err := Folder(dir); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want ErrForeign and the path", what, err)
		}
	}
	if info, _ := os.Stat(target); info.Mode().Perm() != 0o755 {
		t.Errorf("the link's target has mode %o now, want it untouched", info.Mode().Perm())
	}
	if err := Folder(file); err == nil {
		t.Error("a file is taken for a folder")
	}
}

// TestListenNeverOpen looks at a socket from before it is there, under a umask that forbids nothing.
func TestListenNeverOpen(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	dir := filepath.Join(t.TempDir(), "sockets")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		seen := make(chan fs.FileMode)
		go func() {
			for {
				if info, err := os.Lstat(filepath.Join(dir, "socket")); err == nil {
					seen <- info.Mode()
					return
				}
			}
		}()
		l, err := Listen(dir, "socket")
		if err != nil {
			t.Fatal(err)
		}
		if mode := <-seen; mode != fs.ModeSocket|0o600 {
			t.Fatalf("the first that is seen of it is %v", mode)
		}
		l.Close()
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Fatalf("it leaves %v (%v)", entries, err)
		}
	}
}

func made(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	if err := errors.Join(os.Mkdir(dir, mode), os.Chmod(dir, mode)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	own, fifo, link := filepath.Join(dir, "own"), filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	open := filepath.Join(dir, "open")
	err := errors.Join(os.WriteFile(own, []byte("x"), 0o600), syscall.Mkfifo(fifo, 0o600), os.Symlink(own, link),
		os.WriteFile(open, []byte("x"), 0o600), os.Chmod(open, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	if f, err := Open(own); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	for what, path := range map[string]string{"a link": link, "a file that others may write to": open} {
		if _, err := Open(path); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v, want ErrForeign", what, err)
		}
	}
	for what, path := range map[string]string{"a pipe, at which reading would wait": fifo, "a folder": dir} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSocket(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long/", 40), "k")
	for _, dir := range []string{filepath.Join(t.TempDir(), "k"), long} {
		if err := Folder(dir); err != nil {
			t.Fatal(err)
		}
		before := syscall.Umask(0)
		l, err := Listen(dir, "socket")
		syscall.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "socket")
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v %v, want mode 0600", info, err)
		}
		if _, err := Listen(dir, "socket"); !errors.Is(err, ErrInUse) {
			t.Errorf("a living process's socket: %v, want ErrInUse", err)
		}
		conn, err := Dial(t.Context(), dir, "socket")
		if err != nil {
			t.Fatalf("the living process cannot be reached after that: %v", err)
		}
		conn.Close()

		l.UnixListener.Close() // as a killed process leaves it
		if _, err := Dial(t.Context(), dir, "socket"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling a dead process: %v", err)
		}
		second, err := Listen(dir, "socket")
		if err != nil {
			t.Fatalf("a dead process's socket: %v", err)
		}
		l.Close()
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("a late Close took away the successor's socket: %v", err)
		}
		second.Close()
		if _, err := Dial(t.Context(), dir, "socket"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestOneOfManyListens lets several find a dead process's socket at once.
func TestOneOfManyListens(t *testing.T) {
	dir := made(t, 0o700)
	l, err := Listen(dir, "socket")
	if err != nil {
		t.Fatal(err)
	}
	l.UnixListener.Close()
	var together sync.WaitGroup
	var mu sync.Mutex
	var listeners []*Listener
	for range 8 {
		together.Go(func() {
			l, err := Listen(dir, "socket")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				listeners = append(listeners, l)
			} else if !errors.Is(err, ErrInUse) {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if len(listeners) != 1 {
		t.Errorf("%d listen, want 1", len(listeners))
	}
	for _, l := range listeners {
		l.Close()
	}
}

// TestAnotherUser needs a second user, so it is this test started once more by root as "nobody" (65534).
func TestAnotherUser(t *testing.T) {
	const asOther = "GANTRY_TEST_SOCKET_OF"
	if dir := os.Getenv(asOther); dir != "" {
		conn, err := net.Dial("unix", filepath.Join(dir, "socket"))
		if err != nil {
			t.Fatalf("the folder was opened for this test, but: %v", err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes, %v: want to be turned away", n, err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Log("not root, so there is no second user to try: what is left is that root's folders are refused")
		if err := Folder("/usr/bin"); !errors.Is(err, ErrForeign) {
			t.Errorf("a folder of root: %v, want ErrForeign", err)
		}
		return
	}

	base, err := os.MkdirTemp("/tmp", "gantry-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	foreign := filepath.Join(base, "foreign")
	err = errors.Join(os.Chmod(base, 0o755), os.Mkdir(foreign, 0o700), os.Chown(foreign, 65534, 65534))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"made": Folder(foreign), "checked": Check(foreign)} {
		if !errors.Is(err, ErrForeign) {
			t.Errorf("another user's folder, %s: %v, want ErrForeign", what, err)
		}
	}
	if _, err := Listen(foreign, "socket"); !errors.Is(err, ErrForeign) {
		t.Errorf("listening in another user's folder: %v", err)
	}
	if _, err := Dial(t.Context(), foreign, "socket"); !errors.Is(err, ErrForeign) {
		t.Errorf("dialling into another user's folder: %v", err)
	}

	dir := filepath.Join(base, "own")
	if err := Folder(dir); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(dir, "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	// the other user gets as far as the socket, as if folder and mode had failed
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "socket"), 0o666)); err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := l.Accept(); err == nil {
			accepted <- conn
		}
	}()
	program := filepath.Join(base, "test")
	content, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, content, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	other := exec.CommandContext(ctx, program, "-test.run", "^TestAnotherUser$")
	other.Dir, other.Env = base, append(os.Environ(), asOther+"="+dir)
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if said, err := other.CombinedOutput(); err != nil {
		t.Errorf("as another user: %v: %s", err, said)
	}
	select {
	case <-accepted:
		t.Error("another user's connection was accepted")
	default:
	}
}

// scripted is a listener that gives what it has, then that it is closed.
type scripted struct {
	net.Listener
	conns []net.Conn // nil: there is no descriptor for it
}

func (s *scripted) Accept() (net.Conn, error) {
	if len(s.conns) == 0 {
		return nil, net.ErrClosed
	}
	conn := s.conns[0]
	s.conns = s.conns[1:]
	if conn == nil {
		return nil, syscall.EMFILE
	}
	return conn, nil
}

// TestAcceptGoesOn lacks a descriptor for a connection: those that come later are served.
func TestAcceptGoesOn(t *testing.T) {
	a, b := net.Pipe()
	var served []net.Conn
	var told []error
	Accept(&scripted{conns: []net.Conn{a, nil, b}}, func(c net.Conn) { served = append(served, c) }, func(err error) { told = append(told, err) })
	if len(served) != 2 || len(told) != 1 || !errors.Is(told[0], syscall.EMFILE) {
		t.Errorf("served %d, told %v", len(served), told)
	}
}
