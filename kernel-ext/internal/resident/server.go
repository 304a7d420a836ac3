package resident

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

const (
	requestTime   = 10 * time.Second // for a client to say what it wants
	writePatience = 30 * time.Second // for a client that does not read
	aliveEvery    = 2 * time.Second
)

// Send sends a part of an answer, or all of it: a value that becomes JSON, and bytes beside it.
type Send func(body any, bytes []byte) error

// Server is a resident process's end of its socket.
type Server struct {
	Protocol

	// Answer answers a request, whose version is the server's own, in a goroutine of its own. Its error is sent to the
	// client. ctx ends when the client leaves.
	Answer func(ctx context.Context, q Request, send Send) error

	// Words are those of an error for a client; default nil, its own.
	Words func(error) string

	mu        sync.Mutex
	listener  *private.Listener
	closed    bool
	answering sync.WaitGroup
}

// Listen opens the socket in a folder, in the place of one that it had opened before and that was removed since.
func (s *Server) Listen(dir string) error {
	l, err := private.Listen(dir, SocketFile)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return l.Close()
	}
	if s.listener != nil {
		s.listener.Close()
	}
	s.listener = l
	s.answering.Go(func() {
		private.Accept(l, func(conn net.Conn) { s.answering.Go(func() { s.answer(conn) }) }, func(error) {}) // clients see that nobody answers
	})
	return nil
}

// Close closes the socket for good. The answers that are under way go on.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
}

// Wait waits, after Close, until all is answered, for patience at most.
func (s *Server) Wait(patience time.Duration) {
	answered := make(chan struct{})
	go func() {
		s.answering.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(patience):
	}
}

// answer answers the one request of a connection, and says every now and then that it will.
func (s *Server) answer(conn net.Conn) {
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(requestTime))
	var q Request
	if _, err := readFrame(conn, &q, 0); err != nil {
		return
	}
	conn.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // the client says no more, so what can be read is its end
		io.Copy(io.Discard, conn)
		cancel()
	}()
	var writing sync.Mutex
	write := func(answer reply, bytes []byte) error {
		writing.Lock()
		defer writing.Unlock()
		answer.Version = s.Version
		conn.SetWriteDeadline(time.Now().Add(writePatience))
		return writeFrame(conn, answer, bytes)
	}
	go func() {
		alive := time.NewTicker(aliveEvery)
		defer alive.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-alive.C:
				if write(reply{Kind: kindAlive}, nil) != nil {
					return
				}
			}
		}
	}()
	send := func(body any, bytes []byte) error {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		return write(reply{Body: text}, bytes)
	}
	if err := s.safely(ctx, q, send); err != nil && ctx.Err() == nil {
		words := err.Error()
		if s.Words != nil {
			words = s.Words(err)
		}
		write(reply{Error: words, Kind: s.kindsOf(err)}, nil)
	}
}

// safely is Answer, where a mistake in one request is that request's error and not the end of the process.
func (s *Server) safely(ctx context.Context, q Request, send Send) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("request %s: %v", q.Op, reason)
		}
	}()
	if q.Version != s.Version {
		return fmt.Errorf("%w: its process speaks version %d and this program version %d", ErrVersion, s.Version, q.Version)
	}
	return s.Answer(ctx, q, send)
}
