package golang

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// lsp is a client's end of a connection that speaks the Language Server Protocol: JSON-RPC 2.0, each message behind a
// header with its length.
type lsp struct {
	conn net.Conn
	gone chan struct{} // closed when the connection is lost

	mu      sync.Mutex // also keeps messages whole
	last    int
	pending map[string]chan lspMessage
}

type lspMessage struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *lspError       `json:"error,omitempty"`
}

type lspError struct {
	Message string `json:"message"`
}

// dialLSP connects to a language server that listens at a Unix socket.
func dialLSP(ctx context.Context, socket string) (*lsp, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	l := &lsp{conn: conn, gone: make(chan struct{}), pending: map[string]chan lspMessage{}}
	go l.read()
	return l, nil
}

func (l *lsp) close() { l.conn.Close() }

// lost tells whether the connection is lost.
func (l *lsp) lost() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// call sends a request and decodes the result, unless result is nil.
func (l *lsp) call(ctx context.Context, method string, params, result any) error {
	reply := make(chan lspMessage, 1)
	l.mu.Lock()
	l.last++
	id := strconv.Itoa(l.last)
	l.pending[id] = reply
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.pending, id)
		l.mu.Unlock()
	}()
	if err := l.send(method, json.RawMessage(id), params); err != nil {
		return err
	}
	select {
	case m := <-reply:
		if m.Error != nil {
			return fmt.Errorf("gopls: %s: %s", method, m.Error.Message)
		}
		if result == nil || len(m.Result) == 0 {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-l.gone:
		return errors.New("gopls is gone")
	case <-ctx.Done():
		if err := l.notify("$/cancelRequest", map[string]any{"id": json.RawMessage(id)}); err != nil {
			return err
		}
		return fmt.Errorf("gopls: %s: %w", method, context.Cause(ctx))
	}
}

// notify sends a message that has no answer.
func (l *lsp) notify(method string, params any) error { return l.send(method, nil, params) }

func (l *lsp) send(method string, id json.RawMessage, params any) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	return l.write(lspMessage{Version: "2.0", ID: id, Method: method, Params: text})
}

func (l *lsp) write(m lspMessage) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = fmt.Fprintf(l.conn, "Content-Length: %d\r\n\r\n%s", len(text), text)
	return err
}

// read hands out the answers until the connection is lost. What the server asks is answered with nothing, which
// leaves it with the settings it was started with.
func (l *lsp) read() {
	defer close(l.gone)
	defer l.conn.Close()
	r := bufio.NewReader(l.conn)
	for {
		m, err := readLSP(r)
		if err != nil {
			return
		}
		if m.Method != "" {
			if len(m.ID) > 0 && l.write(lspMessage{Version: "2.0", ID: m.ID, Result: json.RawMessage("null")}) != nil {
				return
			}
			continue
		}
		l.mu.Lock()
		waiting := l.pending[string(m.ID)]
		l.mu.Unlock()
		if waiting != nil {
			select {
			case waiting <- m:
			default: // a second answer
			}
		}
	}
}

func readLSP(r *bufio.Reader) (lspMessage, error) {
	var m lspMessage
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSpace(line)
		if line == "" {
			break
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return m, err
			}
		}
	}
	const most = 64 << 20
	if length <= 0 || length > most {
		return m, fmt.Errorf("gopls: message of %d bytes", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}
