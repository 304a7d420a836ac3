package golang

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"gantry.local/kernel-ext/internal/group"
)

// process is the language server of a kernel, started when it is first needed, and anew when it is gone.
type process struct {
	tools func() (dir string, environment []string)

	mu      sync.Mutex
	stopped bool
	started time.Time
	cancel  context.CancelFunc // of the one that runs
	ended   chan struct{}      // closed when that one has ended
}

// dial connects to gopls, which listens at socket or is started to.
func (p *process) dial(ctx context.Context, socket string) (*lsp, error) {
	client, err := dialLSP(ctx, socket)
	if err == nil {
		return client, nil
	}
	if err := p.start(socket); err != nil {
		return nil, err
	}
	const interval = 20 * time.Millisecond
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

// start starts gopls, unless it is about to listen: whoever had it started may have given up. It ends with the kernel, and
// soon after it if the kernel is killed: nobody is connected then.
func (p *process) start(socket string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return fmt.Errorf("gopls: the kernel is ending")
	}
	if p.cancel != nil {
		select {
		case <-p.ended:
		default:
			if time.Since(p.started) < Patience {
				return nil
			}
		}
		p.cancel()
		<-p.ended
	}
	tools, environment := p.tools()
	path := filepath.Join(tools, "gopls")
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("gopls"); err != nil {
			return fmt.Errorf("gopls: %w; run make setup", err)
		}
	}
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, path, "-listen", "unix;"+socket, "-listen.timeout", "2s")
	command.Dir, command.Env = filepath.Dir(socket), environment
	group.Kill(command)
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
	p.started, p.cancel, p.ended = time.Now(), cancel, ended
	return nil
}

// stop ends gopls for good.
func (p *process) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.cancel != nil {
		p.cancel()
		<-p.ended
	}
}
