package resident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

var errTired = errors.New("it is tired") // one that both ends know

func protocol(version int) Protocol {
	return Protocol{Version: version, Errors: map[string]error{"tired": errTired}}
}

// serves lets this process keep a folder and answer in it.
func serves(t *testing.T, answer func(ctx context.Context, q Request, send Send) error) Client {
	t.Helper()
	dir := t.TempDir()
	lock, err := Take(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Protocol: protocol(7), Answer: answer, Words: func(err error) string { return "sorry: " + err.Error() }}
	if err := s.Listen(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		s.Wait(10 * time.Second)
		lock.Release()
	})
	return Client{Protocol: protocol(7), Dir: dir, Channel: "c"}
}

func TestAsk(t *testing.T) {
	c := serves(t, func(ctx context.Context, q Request, send Send) error {
		switch q.Op {
		case "tell":
			return send(q, []byte(q.Args))
		case "twice":
			return errors.Join(send(1, nil), send(2, nil))
		case "tired":
			return fmt.Errorf("%w today", errTired)
		case "panic":
			panic("mistake")
		}
		return nil
	})
	var q Request
	bytes, err := c.Ask(t.Context(), "tell", []int{3}, &q)
	if err != nil || string(bytes) != "[3]" || q.Pid != os.Getpid() || q.Channel != "c" || q.Version != 7 {
		t.Errorf("%+v with %q: %v", q, bytes, err)
	}
	conn, err := c.Dial(t.Context(), "twice", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for want := 1; want <= 2; want++ {
		var n int
		if _, err := conn.Receive(&n); err != nil || n != want {
			t.Errorf("part %d is %d: %v", want, n, err)
		}
	}
	if _, err := conn.Receive(nil); !errors.Is(err, io.EOF) {
		t.Errorf("after the last part: %v", err)
	}
	var told *ToldError
	if _, err = c.Ask(t.Context(), "tired", nil, nil); !errors.Is(err, errTired) || !errors.As(err, &told) || err.Error() != "sorry: it is tired today" {
		t.Errorf("%v", err)
	}
	if _, err = c.Ask(t.Context(), "panic", nil, nil); err == nil || !strings.Contains(err.Error(), "request panic: mistake") {
		t.Errorf("%v", err)
	}
	if _, err = c.Ask(t.Context(), "nothing", nil, nil); !errors.Is(err, io.EOF) {
		t.Errorf("no answer: %v", err)
	}
	other := c
	other.Version = 8
	if _, err = other.Ask(t.Context(), "tell", nil, nil); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "speaks version 7") {
		t.Errorf("another version: %v", err)
	}
	other.Dir = t.TempDir()
	if _, err = other.Ask(t.Context(), "tell", nil, nil); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
}

// TestLeave lets clients leave at any moment: what they asked for is told so, and nothing is touched that another goroutine has.
func TestLeave(t *testing.T) {
	c := serves(t, func(ctx context.Context, q Request, send Send) error {
		<-ctx.Done()
		return ctx.Err()
	})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			ctx, leave := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond/4)
			defer leave()
			if _, err := c.Ask(ctx, "wait", nil, nil); err == nil {
				t.Error("an answer came")
			}
		})
	}
	all.Wait()
}

// TestSilence has processes that say nothing: one that works is waited for, and one that does not is not.
func TestSilence(t *testing.T) {
	const patience = 500 * time.Millisecond
	dir := t.TempDir()
	t.Setenv("GANTRY_TEST_ROLE", "busy")
	t.Setenv("GANTRY_TEST_DIR", dir)
	p, err := Start(StartOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := Client{Protocol: protocol(7), Dir: dir, patience: patience}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) { // without a connection, of which it takes one
		if _, err := os.Lstat(filepath.Join(dir, SocketFile)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not listen: " + LastWords(dir, 3))
		}
	}
	n, begin := 0, time.Now()
	if _, err := c.Ask(t.Context(), "compile", nil, &n); err != nil || n != 5 || time.Since(begin) < 3*patience {
		t.Errorf("a process that works: %d after %s, %v", n, time.Since(begin), err)
	}
	<-p.Exited()

	l, err := private.Listen(dir, SocketFile)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lock, err := Take(dir, 0)
	if lock == nil || err != nil {
		t.Fatal(lock, err)
	}
	defer lock.Release()
	var silent *SilentError
	if _, err = c.Ask(t.Context(), "compile", nil, &n); !errors.As(err, &silent) || silent.Pid != os.Getpid() || silent.Stopped {
		t.Errorf("a process that hangs: %v, want it named", err)
	}
}
