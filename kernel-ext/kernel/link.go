package kernel

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

// link is the connecting end of a DEALER, SUB or REQ socket: exactly one peer, lost when that peer goes.
type link struct {
	conn net.Conn
	zmtp *zmtp.Conn
}

// dial connects to a listening ZeroMQ socket, trying again until it is there or ctx ends.
func dial(ctx context.Context, kind zmtp.Kind, endpoint, identity string) (*link, error) {
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
			return &link{conn: c, zmtp: conn}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (l *link) send(frames [][]byte) error { return l.zmtp.Send(frames) }

// subscribe asks for the messages of all topics.
func (l *link) subscribe() error { return l.zmtp.Subscribe("") }

// receive blocks for the next message; an error means that the peer is gone.
func (l *link) receive() ([][]byte, error) { return l.zmtp.Receive() }

func (l *link) close() { l.conn.Close() }
