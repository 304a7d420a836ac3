package jupyter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// Link is the connecting end of a DEALER, SUB or REQ socket: exactly one peer, lost when that peer goes.
type Link struct {
	conn net.Conn
	zmtp *zmtp.Conn
}

// Dial connects to a listening ZeroMQ socket, trying again until it is there or ctx ends.
func Dial(ctx context.Context, kind zmtp.Kind, endpoint, identity string) (*Link, error) {
	network, address, err := splitEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	for {
		var c net.Conn
		if network == "unix" {
			c, err = private.Dial(ctx, filepath.Dir(address), filepath.Base(address))
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
				return nil, err
			}
		} else {
			c, err = d.DialContext(ctx, network, address)
		}
		if err == nil {
			conn, err := zmtp.Open(c, kind, identity, handshakePatience, nil)
			if err != nil {
				c.Close()
				return nil, fmt.Errorf("no ZeroMQ handshake at %s: %w", endpoint, err)
			}
			return &Link{conn: c, zmtp: conn}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Send sends a message of these frames.
func (l *Link) Send(frames [][]byte) error { return l.zmtp.Send(frames) }

// Subscribe asks for the messages of all topics.
func (l *Link) Subscribe() error { return l.zmtp.Subscribe("") }

// Receive blocks for the next message; an error means that the peer is gone.
func (l *Link) Receive() ([][]byte, error) { return l.zmtp.Receive() }

// Close ends the connection.
func (l *Link) Close() { l.conn.Close() }
