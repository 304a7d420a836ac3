package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// gopls is the language server of a kernel, started when it is first needed, and anew when it is gone.
type gopls struct {
	tools       string   // folder of the executable
	environment []string // the engine's

	mu      sync.Mutex
	stopped bool
	cancel  context.CancelFunc // of the one that runs
	ended   chan struct{}      // closed when that one has ended
}

// dial connects to gopls, which listens at socket or is about to.
func (g *gopls) dial(ctx context.Context, socket string) (*lsp, error) {
	client, err := dialLSP(ctx, socket)
	if err == nil {
		return client, nil
	}
	const interval = 20 * time.Millisecond
	if err := g.start(socket); err != nil {
		return nil, err
	}
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return nil, fmt.Errorf("gopls does not listen: %w; run make setup", err)
		}
		if client, err = dialLSP(ctx, socket); err == nil {
			return client, nil
		}
	}
}

// start starts gopls. It ends with the kernel, and soon after it if the kernel is killed: nobody is
// connected then.
func (g *gopls) start(socket string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return fmt.Errorf("gopls: the kernel is ending")
	}
	if g.cancel != nil {
		g.cancel()
		<-g.ended
	}
	path := filepath.Join(g.tools, "gopls")
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("gopls"); err != nil {
			return fmt.Errorf("gopls: %w; run make setup", err)
		}
	}
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, path, "-listen", "unix;"+socket, "-listen.timeout", "20s")
	command.Dir, command.Env = filepath.Dir(socket), g.environment
	killsGroup(command)
	if err := command.Start(); err != nil {
		cancel()
		return fmt.Errorf("gopls: %w; run make setup", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		command.Wait()
		cancel()
	}()
	g.cancel, g.ended = cancel, ended
	return nil
}

// stop ends the gopls that was started here, for good.
func (g *gopls) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	if g.cancel != nil {
		g.cancel()
		<-g.ended
	}
}
