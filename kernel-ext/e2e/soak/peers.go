//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
)

// answerPatience is how long a hostile peer listens.
const answerPatience = 2 * time.Millisecond

// hostilePorts says to each of the five sockets what it should not hear, with the key and without.
func (n *notebook) hostilePorts(context.Context) error {
	key := []byte(n.connection.Key)
	if n.rnd.IntN(2) == 0 {
		key = []byte("another")
	}
	for _, socket := range []struct {
		name, kind string
		port       int
	}{{"shell", "DEALER", n.connection.Shell}, {"control", "DEALER", n.connection.Control}, {"stdin", "DEALER", n.connection.Stdin},
		{"iopub", "SUB", n.connection.IOPub}, {"heartbeat", "REQ", n.connection.Heartbeat}} {
		network, address := n.connection.address(socket.port)
		times := 5 + n.rnd.IntN(25)
		for range times {
			conn, err := net.DialTimeout(network, address, patience)
			if err != nil {
				return fmt.Errorf("the %s socket takes no connection: %w", socket.name, err)
			}
			if err := hostile.Send(n.rnd, conn, hostile.Jupyter(n.rnd, socket.kind, key), answerPatience); err != nil {
				return fmt.Errorf("the %s socket: %w", socket.name, err)
			}
		}
		n.ledger.hostile(socket.name, times)
	}
	return nil
}

// hostileChannel does so to the kernel's channel.
func (n *notebook) hostileChannel(ctx context.Context) error {
	path := channel.Path(n.file)
	times := 20 + n.rnd.IntN(80)
	for range times {
		conn, err := private.Dial(context.WithoutCancel(ctx), filepath.Dir(path), filepath.Base(path))
		if err != nil {
			return fmt.Errorf("the channel takes no connection: %w", err)
		}
		if err := hostile.Send(n.rnd, conn, hostile.Channel(n.rnd), answerPatience); err != nil {
			return fmt.Errorf("the channel: %w", err)
		}
	}
	n.ledger.hostile("channel", times)
	return nil
}

// hostilePeers does so to the socket of a run.
func (k *keeper) hostilePeers(ctx context.Context) error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	times := 20 + k.rnd.IntN(80)
	for range times {
		conn, err := private.Dial(context.WithoutCancel(ctx), k.dir, resident.SocketFile)
		if err != nil {
			return fmt.Errorf("the socket of the run takes no connection: %w", err)
		}
		if err := hostile.Send(k.rnd, conn, hostile.Run(k.rnd, 1+k.rnd.IntN(2)), answerPatience); err != nil {
			return fmt.Errorf("the socket of the run: %w", err)
		}
	}
	k.ledger.hostile("run", times)
	after, s, err := k.pid()
	if err != nil {
		return err
	}
	if after != pid || s.State == "failed" {
		return fmt.Errorf("process %d became %d, the run is %s: %s", pid, after, s.State, s.Problem)
	}
	return nil
}
