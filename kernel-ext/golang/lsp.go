package golang

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os/exec"
	"sync/atomic"

	"github.com/sourcegraph/jsonrpc2"

	"gantry.local/kernel-ext/internal/group"
)

// lsp is a language server, and the client's end of the connection to it, which are its standard input and output: it ends
// when this process does, however that ends.
type lsp struct {
	conn  *jsonrpc2.Conn
	last  atomic.Uint64 // number of a request
	ended chan struct{} // closed when the server and what it has started are gone
}

// startLSP starts a language server. What it asks is answered with nothing, which leaves it with the settings it was started
// with.
func startLSP(program, dir string, environment []string) (*lsp, error) {
	ctx, kill := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program)
	command.Dir, command.Env = dir, environment
	group.Kill(command)
	in, errIn := command.StdinPipe()
	out, errOut := command.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		kill()
		return nil, err
	}
	if err := command.Start(); err != nil {
		kill()
		return nil, err
	}
	nothing := jsonrpc2.HandlerWithError(func(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request) (any, error) { return nil, nil })
	stream := jsonrpc2.NewBufferedStream(struct {
		io.Reader
		io.WriteCloser
	}{out, in}, jsonrpc2.VSCodeObjectCodec{})
	l := &lsp{ended: make(chan struct{})}
	l.conn = jsonrpc2.NewConn(ctx, stream, nothing, jsonrpc2.SetLogger(log.New(io.Discard, "", 0)))
	go func() {
		defer close(l.ended)
		<-l.conn.DisconnectNotify()
		kill()
		command.Wait()
	}()
	return l, nil
}

// close ends the server.
func (l *lsp) close() {
	l.conn.Close()
	<-l.ended
}

// lost tells whether the connection is lost.
func (l *lsp) lost() bool {
	select {
	case <-l.conn.DisconnectNotify():
		return true
	default:
		return false
	}
}

// call sends a request and decodes the result, unless result is nil. When ctx ends the server may forget it.
func (l *lsp) call(ctx context.Context, method string, params, result any) error {
	id := jsonrpc2.ID{Num: l.last.Add(1)}
	err := l.conn.Call(ctx, method, params, result, jsonrpc2.PickID(id))
	var refused *jsonrpc2.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		l.notify("$/cancelRequest", map[string]any{"id": id}) // it may have gone meanwhile
		err = context.Cause(ctx)
	case !errors.As(err, &refused):
		l.conn.Close()
	}
	return fmt.Errorf("gopls: %s: %w", method, err)
}

// notify sends a message that has no answer.
func (l *lsp) notify(method string, params any) error {
	err := l.conn.Notify(context.Background(), method, params)
	if err != nil {
		l.conn.Close()
	}
	return err
}
