package widget

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
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
	stopPatience  = 5 * time.Second // for a host to answer that it ends, and to end
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

// protocol is what a host and the cells of its kernel agree on.
func protocol() resident.Protocol { return resident.Protocol{Version: 1} }

// What a host can be asked.
const (
	opBuilt = "built" // whether its widgets can be seen: answered with why building them failed, or ""
	opStop  = "stop"
)

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
	process, err := resident.Start(resident.StartOptions{
		Dir: dir, Env: []string{envHost + "=" + name, envParent + "=" + string(parent)}, WorkDir: workDir,
	})
	if err != nil {
		return err
	}
	host := resident.Client{Protocol: protocol(), Dir: dir}
	failure := ""
	if err = host.Await(ctx, process, buildPatience); err == nil {
		_, err = host.Ask(ctx, opBuilt, nil, &failure)
	}
	if err == nil && failure == "" {
		return nil
	}
	if err != nil {
		select {
		case <-process.Exited():
			err = fmt.Errorf("it ended before it had its widgets: %s", resident.LastWords(dir, 3))
		case <-time.After(time.Second):
			syscall.Kill(process.Pid, syscall.SIGKILL)
			if ctx.Err() != nil {
				err = fmt.Errorf("it has no widgets after %s: %w", buildPatience, ctx.Err())
			}
		}
	} else {
		err = errors.New(failure)
	}
	os.RemoveAll(dir)
	return err
}

// stopFormer ends the host in dir, if there is one.
func stopFormer(ctx context.Context, dir string) error {
	if !resident.Kept(dir) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	resident.Client{Protocol: protocol(), Dir: dir}.Ask(ctx, opStop, nil, nil)
	if resident.AwaitEnd(dir, stopPatience) {
		return nil
	}
	// a callback hangs, or the process is stopped, or it is an earlier build's
	pid := resident.Keeper(dir)
	if pid == 0 {
		return errors.New("the former host does not end, and which process that is is not known")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("the former host, process %d, does not end: %w", pid, err)
	}
	return nil
}

// host is the process that serves.
type host struct {
	server resident.Server
	built  chan struct{} // closed with failure set
	asked  chan struct{} // gets a value when it is to end
	gone   chan struct{} // closed when it has

	failure string
}

// serve is the life of a host. It returns the exit code.
func serve(dir, path string, build func(ui *UI) error) int {
	h := &host{built: make(chan struct{}), asked: make(chan struct{}, 1), gone: make(chan struct{})}
	h.server = resident.Server{Protocol: protocol(), Answer: h.answer}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	lock, err := resident.Take(dir, 2*stopPatience) // the former host leaves
	if err == nil && lock == nil {
		err = fmt.Errorf("another host of the same name does not leave %s", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer lock.Release()
	if err := h.server.Listen(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
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
		h.leave()
		return 1 // the cell that waits removes the folder, when it has read the log
	}
	close(h.built)
	h.wait(ctx, ui)
	ui.Close()
	os.RemoveAll(dir)
	channel.RemoveFolder(path)
	h.leave()
	return 0
}

// leave takes leave of those who wait for an answer.
func (h *host) leave() {
	h.server.Close()
	close(h.gone)
	h.server.Wait(time.Second)
}

// answer answers one who connects.
func (h *host) answer(_ context.Context, q resident.Request, send resident.Send) error {
	switch q.Op {
	case opBuilt:
		<-h.built
		return send(h.failure, nil)
	case opStop:
		select {
		case h.asked <- struct{}{}:
		default:
		}
		<-h.gone
		return send(nil, nil)
	}
	return fmt.Errorf("this process knows no request %q", q.Op)
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
