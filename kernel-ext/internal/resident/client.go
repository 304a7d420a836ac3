package resident

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

// Client asks the process that keeps a folder.
type Client struct {
	Protocol
	Dir     string
	Channel string // of the client's notebook; default "", none

	patience time.Duration // with a process that says nothing; 0: silence
}

const (
	dialTime    = 2 * time.Second  // to make a connection, for which the system does not need the process
	silence     = 12 * time.Second // after which a process that said nothing is taken to hang; with the dialling less than 15 s
	stoppedTime = 3 * time.Second  // the same for one that a signal has stopped
	workTime    = 2 * time.Minute  // the same for one that says nothing and works: where there are few processors it may not come to it
	glance      = 500 * time.Millisecond
)

// ErrNobody is the error of a folder that no process keeps.
var ErrNobody = errors.New("it has no process")

// quiet is for how long the process may say nothing.
func (c Client) quiet() time.Duration {
	if c.patience == 0 {
		return silence
	}
	return c.patience
}

// SilentError is the error of a process that keeps the folder and does not answer.
type SilentError struct {
	Pid     int  // 0: not known
	Stopped bool // by a signal, SIGSTOP say
}

// Error says so.
func (e *SilentError) Error() string { return "its process does not answer" }

// silent is the error of a process, 0 for the one that keeps the folder.
func (c Client) silent(pid int) error {
	if pid == 0 {
		pid = Keeper(c.Dir)
	}
	return &SilentError{pid, Stopped(pid)}
}

// VersionError is the error of a process that speaks another version of the protocol. It is ErrVersion.
type VersionError struct{ Process, Program int }

// Error says which.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s (its process speaks version %d, this program version %d)", ErrVersion, e.Process, e.Program)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

// Exchange is a connection on which something was asked.
type Exchange struct {
	patient
	ctx     context.Context
	client  Client
	release func() bool
}

// Dial connects and sends a request. The end of ctx closes the connection. The error is ErrNobody where no process keeps the
// folder, private.ErrForeign where that is another user's, a SilentError where it does not answer, io.EOF where it has
// just ended, and that of ctx.
func (c Client) Dial(ctx context.Context, op string, args any) (*Exchange, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	plain, err := c.connect(ctx)
	begin, v := time.Now(), (*vigil)(nil)
	for ; nobodyListens(err) && Kept(c.Dir) && ctx.Err() == nil; plain, err = c.connect(ctx) {
		if v == nil {
			v = c.watch(Keeper(c.Dir), begin)
		}
		if v.over(min(dialTime, v.patience)) { // a process that begins, or whose socket was removed, would listen by now
			return nil, c.silent(0)
		}
		time.Sleep(5 * time.Millisecond)
	}
	switch {
	case nobodyListens(err):
		return nil, ErrNobody
	case errors.Is(err, private.ErrForeign):
		return nil, err
	case ctx.Err() != nil:
		if err == nil {
			plain.Close()
		}
		return nil, ctx.Err()
	case err != nil: // its queue of connections is full
		return nil, c.silent(0)
	}
	conn := &Exchange{patient: patient{plain, c, peerPid(plain)}, ctx: ctx, client: c, release: context.AfterFunc(ctx, func() { plain.Close() })}
	conn.SetWriteDeadline(time.Now().Add(silence))
	q := Request{Version: c.Version, Pid: os.Getpid(), Channel: c.Channel, Op: op, Args: text}
	if err := writeFrame(conn, q, nil); err != nil {
		conn.Close()
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return nil, fmt.Errorf("its process ended: %w", io.EOF)
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, c.silent(0)
		}
		return nil, err
	}
	return conn, nil
}

func (c Client) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return private.Dial(ctx, c.Dir, SocketFile)
}

// nobodyListens tells that an attempt to connect found no socket, or a dead process's.
func nobodyListens(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// Ask asks and takes one answer: body, unless it is nil, is filled from it.
func (c Client) Ask(ctx context.Context, op string, args, body any) ([]byte, error) {
	conn, err := c.Dial(ctx, op, args)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.Receive(body)
}

// Close closes the connection and lets go of the context.
func (c *Exchange) Close() error {
	c.release()
	return c.patient.Close()
}

// Receive takes one answer. The error is what the process says, a SilentError or VersionError, that of the context, or io.EOF where the
// process ended before it answered.
func (c *Exchange) Receive(body any) ([]byte, error) {
	var answer reply
	bytes, err := readFrame(c, &answer, LargestBytes)
	for err == nil && answer.Kind == kindAlive {
		answer = reply{}
		bytes, err = readFrame(c, &answer, LargestBytes)
	}
	switch {
	case err != nil && c.ctx.Err() != nil:
		return nil, c.ctx.Err()
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET):
		return nil, fmt.Errorf("its process ended before it answered: %w", io.EOF)
	case err != nil:
		return nil, err
	case answer.Version != c.client.Version:
		return nil, &VersionError{answer.Version, c.client.Version}
	}
	if err := c.client.errorOf(answer); err != nil || body == nil {
		return bytes, err
	}
	return bytes, json.Unmarshal(answer.Body, body)
}

// patient is a connection that waits for as long as the process at its other end shows signs of life.
type patient struct {
	net.Conn
	client Client
	pid    int // of the process, or 0
}

// Read reads what there is, or fails with a SilentError when nothing came for too long.
func (p patient) Read(to []byte) (int, error) {
	begin, v := time.Now(), (*vigil)(nil)
	for {
		p.SetReadDeadline(time.Now().Add(min(glance, p.client.quiet()/4)))
		n, err := p.Conn.Read(to)
		var timeout net.Error
		if n > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
			return n, err
		}
		if v == nil {
			v = p.client.watch(p.pid, begin)
		}
		if v.over(v.patience) {
			return 0, p.client.silent(p.pid)
		}
	}
}

// vigil is kept over a process that says nothing: it hangs when it does not work either. Under load a compilation may keep a
// process from saying that it lives, and a thread of it has or waits for a processor all that time.
type vigil struct {
	pid      int
	patience time.Duration
	begun    time.Time
	idle     time.Time                // since when it does not work
	stopped  time.Time                // since when it is stopped; zero: it is not
	looked   time.Time                // when it was last looked whether it works
	wanted   map[string]time.Duration // by thread, then
}

// watch keeps a vigil over a process that has said nothing since a time.
func (c Client) watch(pid int, since time.Time) *vigil {
	return &vigil{pid: pid, patience: c.quiet(), begun: since, idle: since, looked: time.Now(), wanted: wanted(pid)}
}

// over tells whether the process has neither said anything nor worked for so long.
func (v *vigil) over(patience time.Duration) bool {
	now := time.Now()
	if !Stopped(v.pid) {
		v.stopped = time.Time{}
	} else if v.stopped.IsZero() {
		v.stopped = now
	}
	if since := now.Sub(v.looked); since >= min(glance, patience/4) {
		all := wanted(v.pid)
		for thread, d := range all {
			if d-v.wanted[thread] > since/2 && now.Sub(v.begun) < workTime {
				v.idle = now
			}
		}
		v.looked, v.wanted = now, all
	}
	return now.Sub(v.idle) > patience || !v.stopped.IsZero() && now.Sub(v.stopped) > stoppedTime
}
