package golang

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"sync/atomic"

	"github.com/sourcegraph/jsonrpc2"
)

// lsp is a client's end of a connection that speaks the Language Server Protocol.
type lsp struct {
	conn *jsonrpc2.Conn
	last atomic.Uint64 // number of a request
}

// dialLSP connects to a language server that listens at a Unix socket. What the server asks is answered with nothing, which
// leaves it with the settings it was started with.
func dialLSP(ctx context.Context, socket string) (*lsp, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	nothing := jsonrpc2.HandlerWithError(func(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request) (any, error) { return nil, nil })
	return &lsp{conn: jsonrpc2.NewConn(context.Background(), jsonrpc2.NewBufferedStream(conn, jsonrpc2.VSCodeObjectCodec{}),
		nothing, jsonrpc2.SetLogger(log.New(io.Discard, "", 0)))}, nil
}

func (l *lsp) close() { l.conn.Close() }

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
	if err != nil && ctx.Err() != nil {
		l.notify("$/cancelRequest", map[string]any{"id": id}) // it may have gone meanwhile
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("gopls: %s: %w", method, err)
	}
	return nil
}

// notify sends a message that has no answer.
func (l *lsp) notify(method string, params any) error {
	return l.conn.Notify(context.Background(), method, params)
}
