package resident_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
)

// envRole makes the test binary a detached process ("serve", "busy", "fail") or one that starts such a one ("start"), in envDir.
const (
	envRole = "GANTRY_TEST_ROLE"
	envDir  = "GANTRY_TEST_DIR"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(envDir)
	switch os.Getenv(envRole) {
	case "":
		os.Exit(m.Run())
	case "serve":
		serve(dir)
	case "busy":
		busy(dir)
	case "fail":
		fmt.Fprintln(os.Stderr, "first\n\nit cannot be")
		os.Exit(7)
	case "start":
		p, err := resident.Start(resident.StartOptions{Dir: dir, Env: []string{envRole + "=serve"}})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.Pid)
	}
	os.Exit(0)
}

// serve answers each connection with what it is, until it is told to end.
func serve(dir string) {
	l, err := private.Listen(dir, resident.SocketFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		session, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
		input, _ := io.ReadAll(os.Stdin)
		fmt.Fprintf(conn, "%d %d %q %q %q %d", os.Getpid(), session, os.Getenv("GONB_PIPE")+os.Getenv("GONB_PIPE_BACK"), os.Getenv("TMPDIR"),
			os.Args[1:], len(input))
		conn.Close()
	}
}

// busy lets the first client wait, and works meanwhile as a compiler does that leaves no processor to others.
func busy(dir string) {
	lock, err := resident.Take(dir, 0)
	if err != nil || lock == nil {
		os.Exit(1)
	}
	l, err := private.Listen(dir, resident.SocketFile)
	if err != nil {
		os.Exit(1)
	}
	conn, err := l.Accept()
	if err != nil {
		os.Exit(1)
	}
	for begin := time.Now(); time.Since(begin) < 2*time.Second; {
	}
	answer := `{"Version":7,"Body":5}`
	fmt.Fprintf(conn, "\x00\x00\x00%c\x00\x00\x00\x00%s", len(answer), answer)
}

// TestStart starts a process by one that ends, and reaches it by a path that is short or too long for a socket.
func TestStart(t *testing.T) {
	for _, deep := range []string{"", strings.Repeat("deep/", 40)} {
		dir := filepath.Join(t.TempDir(), deep)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		starter := exec.Command(self, "one", "two")
		starter.Env = append(os.Environ(), envRole+"=start", envDir+"="+dir, "GONB_PIPE=a", "GONB_PIPE_BACK=b", "TMPDIR=/gone")
		out, err := starter.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var pid int
		if _, err := fmt.Sscan(string(out), &pid); err != nil {
			t.Fatal(err)
		}
		defer syscall.Kill(pid, syscall.SIGKILL)
		want := fmt.Sprintf(`%d %d "" %q ["one" "two"] 0`, pid, pid, dir)
		if got := ask(t, dir); got != want {
			t.Errorf("the process says %q, want %q", got, want)
		}
		for name, mode := range map[string]os.FileMode{resident.ProgramFile: 0o700, resident.LogFile: 0o600, resident.SocketFile: 0o600 | os.ModeSocket} {
			info, err := os.Lstat(filepath.Join(dir, name))
			if err != nil || info.Mode() != mode {
				t.Errorf("%s: %v (%v), want mode %v", name, info.Mode(), err, mode)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 3 {
			t.Errorf("the folder holds %v (%v), want program, log and socket", entries, err)
		}
	}
}

// ask dials until the process listens.
func ask(t *testing.T, dir string) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		conn, err := private.Dial(t.Context(), dir, resident.SocketFile)
		if err == nil {
			defer conn.Close()
			text, err := io.ReadAll(conn)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody answers: %v; the log: %s", err, resident.LastWords(dir, 3))
		}
	}
}

// TestEnd wants the exit code and last words of a process that ends, and a log that does not grow for ever.
func TestEnd(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(envRole, "fail")
	old := strings.Repeat("long ago\n", 200_000)
	if err := os.WriteFile(filepath.Join(dir, resident.LogFile), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := resident.Start(resident.StartOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Exited()
	var exit *exec.ExitError
	if !errors.As(p.Err(), &exit) || exit.ExitCode() != 7 {
		t.Errorf("it ended with %v, want exit code 7", p.Err())
	}
	if got := resident.LastWords(dir, 2); got != "first; it cannot be" {
		t.Errorf("its last words are %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, resident.LogFile)); err != nil || info.Size() > 1000 {
		t.Errorf("the log was not begun anew: %v, %d bytes", err, info.Size())
	}
	if got := resident.LastWords(t.TempDir(), 1); got != "" {
		t.Errorf("without a log the last words are %q", got)
	}
	if _, err := resident.Start(resident.StartOptions{Dir: filepath.Join(dir, "none")}); err == nil {
		t.Error("it started in a folder that is not there")
	}
}

// TestManyStartAtOnce starts processes while others are being started: what one of them copies is not kept open by the
// child of another.
func TestManyStartAtOnce(t *testing.T) {
	t.Setenv(envRole, "fail")
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large") // as a cell's program is
	if err := os.WriteFile(large, append(self, make([]byte, 30<<20)...), 0o700); err != nil {
		t.Fatal(err)
	}
	dirs := make([]string, 8)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	for range 4 {
		var all sync.WaitGroup
		for _, dir := range dirs {
			all.Go(func() {
				p, err := resident.Start(resident.StartOptions{Dir: dir, Program: large})
				if err != nil {
					t.Error(err)
					return
				}
				<-p.Exited()
			})
		}
		all.Wait()
	}
}
