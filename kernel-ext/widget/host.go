package widget

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/detach"
	"gantry.local/kernel-ext/internal/private"
)

// EnvPatience names the environment variable that says for how long hosted widgets wait for a kernel that has gone, as Go
// writes durations; default 10m.
const EnvPatience = "GANTRY_WIDGET_PATIENCE"

// What a program finds in its environment that is started once more as a host.
const (
	envHost   = "GANTRY_WIDGET_HOST"   // the name
	envParent = "GANTRY_WIDGET_PARENT" // the header of the cell
)

const (
	buildPatience = 2 * time.Minute // for all that the program does up to Host, and build
	stopPatience  = 5 * time.Second
	wordPatience  = 5 * time.Second // for the other end to say its first line
	longestWord   = 64
	lockFile      = "lock" // held by the host that serves
)

// Host shows widgets that live on when their cell has ended. It starts the program once more, apart from the notebook: that
// process runs main again up to this call of Host, where it calls build, and then serves the widgets and never returns.
// What stands before Host in main therefore runs twice, and what it prints the second time goes to a log. In the cell,
// Host returns when build has returned and all it displayed can be seen, with build's error if it has one.
//
// The host ends when the kernel is shut down or has been gone for some minutes (EnvPatience; restarts are survived), when
// all that it displayed is closed, and when the cell is run again: the new host of that name takes its place.
func Host(name string, build func(ui *UI) error) error {
	path := os.Getenv(channel.Env)
	if path == "" {
		return fmt.Errorf("widget: no Gantry kernel: run this in a notebook cell, where %s is set", channel.Env)
	}
	sum := sha256.Sum256([]byte(name))
	dir := filepath.Join(filepath.Dir(path), "host-"+hex.EncodeToString(sum[:4]))
	if host, hosted := os.LookupEnv(envHost); hosted {
		if host != name {
			return nil // another call's host
		}
		os.Exit(serve(dir, path, build))
	}
	if err := start(dir, path, name); err != nil {
		return fmt.Errorf("widget: host %s: %w", name, err)
	}
	return nil
}

// start starts the host and waits until its widgets can be seen.
func start(dir, path, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildPatience)
	defer cancel()
	conn, err := channel.Dial(ctx, path)
	if err != nil {
		return err
	}
	parent := conn.Parent()
	conn.Close()
	if err := stopFormer(ctx, dir); err != nil {
		return err
	}
	if err := private.Folder(dir); err != nil {
		return err
	}
	workDir, err := os.Getwd()
	if err != nil {
		return err
	}
	process, err := detach.Start(detach.Options{
		Dir: dir, Env: []string{envHost + "=" + name, envParent + "=" + string(parent)}, WorkDir: workDir,
	})
	if err != nil {
		return err
	}
	type answer struct {
		failure string
		err     error
	}
	said := make(chan answer, 1)
	go func() {
		failure, err := awaitBuilt(ctx, dir)
		said <- answer{failure, err}
	}()
	var told answer
	select {
	case told = <-said:
	case <-process.Exited():
		select {
		case told = <-said: // its last words
		case <-time.After(time.Second):
			told.err = errors.New("it does not answer")
		}
	}
	if told.err != nil {
		select {
		case <-process.Exited():
			told.err = fmt.Errorf("it ended before it had its widgets: %s", detach.LastWords(dir, 3))
		case <-time.After(time.Second):
			syscall.Kill(process.Pid, syscall.SIGKILL)
		}
		os.RemoveAll(dir)
		return told.err
	}
	if told.failure != "" {
		os.RemoveAll(dir)
		return errors.New(told.failure)
	}
	return nil
}

// ask connects to the host in dir and says word. What it answers is left to be read.
func ask(ctx context.Context, dir, word string) (net.Conn, error) {
	conn, err := private.Dial(ctx, dir, detach.SocketFile)
	if err != nil {
		return nil, err
	}
	conn.SetWriteDeadline(time.Now().Add(wordPatience))
	if _, err = io.WriteString(conn, word+"\n"); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// stopFormer ends the host in dir, if there is one.
func stopFormer(ctx context.Context, dir string) error {
	conn, err := ask(ctx, dir, "stop")
	if err != nil {
		return nil // nobody is there
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(stopPatience))
	if _, err := io.Copy(io.Discard, conn); err == nil {
		return nil
	}
	// a callback hangs, or the process is stopped; only its lock says for sure which one it is
	text, err := os.ReadFile(filepath.Join(dir, lockFile))
	if err != nil {
		return fmt.Errorf("the former host does not end: %w", err)
	}
	pid, err := strconv.Atoi(string(text))
	if err == nil && pid > 1 {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		return fmt.Errorf("the former host, process %q, does not end: %w", text, err)
	}
	return nil
}

// awaitBuilt waits for the host in dir to say that its widgets can be seen, or why its building failed.
func awaitBuilt(ctx context.Context, dir string) (failure string, err error) {
	for {
		conn, err := ask(ctx, dir, "built")
		if err == nil {
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			if err := json.NewDecoder(io.LimitReader(conn, longestFailure)).Decode(&failure); err != nil {
				return "", fmt.Errorf("it did not say that it has its widgets: %w", err)
			}
			return failure, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("it has no widgets after %s: %w", buildPatience, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const longestFailure = 1 << 20

// host is the process that serves.
type host struct {
	built chan struct{} // closed with failure set
	asked chan struct{} // closed when it is to end
	gone  chan struct{} // closed when it has

	failure string
	answers sync.WaitGroup
}

// serve is the life of a host. It returns the exit code.
func serve(dir, path string, build func(ui *UI) error) int {
	h := &host{built: make(chan struct{}), asked: make(chan struct{}, 1), gone: make(chan struct{})}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	lock, err := lockFolder(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer lock.Close()
	listener, err := private.Listen(dir, detach.SocketFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go h.listen(listener)
	ui, err := Connect(ctx, path, json.RawMessage(os.Getenv(envParent)))
	if err == nil {
		if trouble := attempt(func() { err = build(ui) }); trouble != "" {
			err = errors.New(trouble)
		}
		if err != nil {
			ui.Close()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		h.failure = err.Error()
		close(h.built)
		h.leave(listener)
		return 1 // the cell that waits removes the folder, when it has read the log
	}
	close(h.built)
	h.wait(ctx, ui)
	ui.Close()
	os.RemoveAll(dir)
	channel.RemoveFolder(path)
	h.leave(listener)
	return 0
}

// leave takes leave of those who wait for an answer.
func (h *host) leave(listener net.Listener) {
	listener.Close()
	close(h.gone)
	told := make(chan struct{})
	go func() {
		h.answers.Wait()
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(time.Second):
	}
}

// lockFolder waits for the former host to have left the folder, and writes into the lock whose it is.
func lockFolder(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), 2*stopPatience)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return nil, fmt.Errorf("another host of the same name does not leave %s: %w", dir, err)
	}
	return lock, os.WriteFile(lock.Path(), fmt.Append(nil, os.Getpid()), 0o600)
}

// listen answers those who connect.
func (h *host) listen(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		h.answers.Go(func() {
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(wordPatience))
			word, err := bufio.NewReader(io.LimitReader(conn, longestWord)).ReadString('\n')
			if err != nil {
				return
			}
			switch strings.TrimSpace(word) {
			case "built":
				<-h.built
				conn.SetWriteDeadline(time.Now().Add(wordPatience))
				conn.Write(encode(h.failure[:min(len(h.failure), longestFailure/8)]))
			case "stop":
				select {
				case h.asked <- struct{}{}:
				default:
				}
				<-h.gone
			}
		})
	}
}

// wait returns when the host is no longer needed.
func (h *host) wait(ctx context.Context, ui *UI) {
	patience, err := time.ParseDuration(os.Getenv(EnvPatience))
	if err != nil {
		patience = 10 * time.Minute
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.asked:
			return
		case <-ui.over:
			return
		case <-tick.C:
			if ui.conn.Away() > patience || ui.allClosed() {
				return
			}
		}
	}
}

// allClosed tells whether something was displayed and nothing of it is left.
func (ui *UI) allClosed() bool {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	displayed := false
	for _, m := range ui.models {
		if m.farewell == nil {
			continue
		}
		displayed = true
		if shown, _ := m.state["children"].([]*model); len(shown) > 0 && !shown[0].ended {
			return false
		}
	}
	return displayed
}
