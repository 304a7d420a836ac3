package channel

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/private"
)

// Errors of a Conn.
var (
	// ErrAway is returned by Send and Flush while the kernel is away. The message is lost.
	ErrAway = errors.New("channel: the kernel is away")
	// ErrEnded is returned by Receive when the kernel has ended for good.
	ErrEnded = errors.New("channel: the kernel has ended")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("channel: closed")
)

const (
	handshakePatience = 5 * time.Second
	writePatience     = 10 * time.Second
	inQueue           = 1024
)

// Conn is a process's end of the channel. Its methods may be called from any goroutine. When its kernel goes away, Conn
// looks for it again until Close.
type Conn struct {
	path string
	name string
	in   chan Frame

	writing sync.Mutex // one frame at a time; held before mu

	mu      sync.Mutex
	conn    net.Conn // nil while the kernel is away
	parent  json.RawMessage
	kernel  string
	gone    time.Time // since when the kernel is away; zero while it is there
	comms   map[string]string
	wills   map[string]Message
	flushes map[string]chan struct{}
	err     error // why the Conn is over

	over chan struct{} // closed with err set
	done sync.WaitGroup
}

// Dial connects to the kernel's socket at path, or, when path is "", at the one that the environment names (Env). ctx
// bounds the connecting alone.
func Dial(ctx context.Context, path string) (*Conn, error) {
	if path == "" {
		if path = os.Getenv(Env); path == "" {
			return nil, fmt.Errorf("no Gantry kernel: run this in a notebook cell, where %s is set", Env)
		}
	}
	c := &Conn{
		path: path, name: strings.ToLower(rand.Text()), in: make(chan Frame, inQueue), over: make(chan struct{}),
		comms: map[string]string{}, wills: map[string]Message{}, flushes: map[string]chan struct{}{},
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.done.Go(func() { c.run(conn) })
	return c, nil
}

// connect dials the kernel and greets it.
func (c *Conn) connect(ctx context.Context) (net.Conn, error) {
	conn, err := private.Dial(ctx, filepath.Dir(c.path), filepath.Base(c.path))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("no kernel listens at %s: %w", c.path, ErrAway)
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(handshakePatience))
	c.writing.Lock() // nothing else may be said before the greeting is
	defer c.writing.Unlock()
	c.mu.Lock()
	hello := encode(Greeting{Version: Version, Name: c.name, Comms: c.comms})
	c.mu.Unlock()
	err = writeFrame(conn, Frame{Kind: Hello, Message: Message{Content: hello}})
	var answer Frame
	if err == nil {
		answer, err = readFrame(conn)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("the kernel at %s did not answer: %w; %w", c.path, err, ErrAway)
	}
	var greeting Greeting
	switch answer.Kind {
	case Welcome:
		err = json.Unmarshal(answer.Content, &greeting)
	case Refusal:
		var reason string
		if err = json.Unmarshal(answer.Content, &reason); err == nil {
			err = errors.New(reason)
		}
	default:
		err = fmt.Errorf("the kernel at %s answered with %q", c.path, answer.Kind)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, will := range c.wills {
		will.ID = id
		if err := writeFrame(conn, Frame{Kind: Will, Message: will}); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%w; %w", err, ErrAway)
		}
	}
	conn.SetDeadline(time.Time{})
	if c.err != nil {
		conn.Close()
		return nil, c.err
	}
	again, restarted := c.kernel != "", c.kernel != greeting.Name
	c.conn, c.kernel, c.gone = conn, greeting.Name, time.Time{}
	if !again {
		c.parent = answer.Parent
		return conn, nil
	}
	select {
	case c.in <- Frame{Kind: Return, Message: Message{Content: encode(restarted)}}:
	default: // nobody receives
	}
	return conn, nil
}

// run reads what the kernel says, and connects anew when it is gone, until the Conn is over.
func (c *Conn) run(conn net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-c.over
		cancel()
	}()
	for {
		c.read(conn)
		c.lost(conn)
		var err error
		for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
			select {
			case <-c.over:
				return
			default:
			}
			if conn, err = c.connect(ctx); err == nil {
				break
			}
			if !errors.Is(err, ErrAway) && ctx.Err() == nil {
				c.end(err)
				return
			}
			select {
			case <-c.over:
				return
			case <-time.After(wait):
			}
		}
	}
}

func (c *Conn) read(conn net.Conn) {
	for {
		f, err := readFrame(conn)
		if err != nil {
			return
		}
		switch f.Kind {
		case Flushed:
			c.mu.Lock()
			if waiting := c.flushes[f.ID]; waiting != nil {
				close(waiting)
				delete(c.flushes, f.ID)
			}
			c.mu.Unlock()
		case End:
			c.end(ErrEnded)
			return
		case Comm, Ask:
			select {
			case c.in <- f:
			case <-c.over:
				return
			}
		}
	}
}

// lost notes that a connection is no more.
func (c *Conn) lost(conn net.Conn) {
	conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		c.conn, c.gone = nil, time.Now()
	}
	for id, waiting := range c.flushes {
		close(waiting)
		delete(c.flushes, id)
	}
}

// end ends the Conn.
func (c *Conn) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = why
		close(c.over)
		if c.conn != nil {
			c.conn.Close()
		}
	}
}

func (c *Conn) write(f Frame) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	conn, err := c.conn, c.err
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case conn == nil:
		return ErrAway
	}
	conn.SetWriteDeadline(time.Now().Add(writePatience))
	err = writeFrame(conn, f)
	var network *net.OpError
	if errors.As(err, &network) { // half a frame may be on its way: start over
		conn.Close()
		return ErrAway
	}
	return err
}

// Send publishes a message to the front-ends: display_data, update_display_data, clear_output, stream, comm_open,
// comm_msg or comm_close. Its parent is the cell that is running unless m names another. A comm that is opened belongs to
// this Conn until it is closed, also across restarts of the kernel. Send returns when the message is on its way.
func (c *Conn) Send(m Message) error {
	if m.Type == "comm_open" || m.Type == "comm_close" {
		var comm struct {
			ID     string `json:"comm_id"`
			Target string `json:"target_name"`
		}
		if err := json.Unmarshal(m.Content, &comm); err != nil {
			return fmt.Errorf("channel: %s: %w", m.Type, err)
		}
		c.mu.Lock()
		if m.Type == "comm_open" {
			c.comms[comm.ID] = comm.Target
		} else {
			delete(c.comms, comm.ID)
		}
		c.mu.Unlock()
	}
	return c.write(Frame{Kind: Publish, Message: m})
}

// Own replaces the comms of this Conn, id to target, without a word to the front-ends.
func (c *Conn) Own(comms map[string]string) error {
	c.mu.Lock()
	c.comms = maps.Clone(comms)
	c.mu.Unlock()
	return c.write(Frame{Kind: Own, Message: Message{Content: encode(Greeting{Comms: comms})}})
}

// Will has the kernel publish m if this process vanishes without a Close, in place of what was said before for the same
// id. The zero Message takes a will back.
func (c *Conn) Will(id string, m Message) error {
	c.mu.Lock()
	if m.Type == "" {
		delete(c.wills, id)
	} else {
		c.wills[id] = m
	}
	c.mu.Unlock()
	m.ID = id
	return c.write(Frame{Kind: Will, Message: m})
}

// Receive waits for the next frame: Comm, a front-end's comm_msg or comm_close on a comm of this Conn, where Parent is
// its header (what is sent in answer to it has that for its parent) and ID is for Done; Ask, which wants an Answer; or
// Return: the kernel was away and is back, and Content tells, true or false, whether it is a restarted one, which knows
// nothing of what was sent before.
func (c *Conn) Receive(ctx context.Context) (Frame, error) {
	select {
	case f := <-c.in:
		return f, nil
	default:
	}
	select {
	case f := <-c.in:
		return f, nil
	case <-ctx.Done():
		return Frame{}, ctx.Err()
	case <-c.over:
		return Frame{}, c.Err()
	}
}

// Done tells the kernel that the front-end's message with this id is dealt with, so that the front-end sends the next.
func (c *Conn) Done(id string) error {
	return c.write(Frame{Kind: Done, Message: Message{ID: id}})
}

// Answer answers the Ask with this id by the states of widgets, as the content of an update_states message has them.
func (c *Conn) Answer(id string, content json.RawMessage, buffers [][]byte) error {
	return c.write(Frame{Kind: States, Message: Message{ID: id, Content: content, Buffers: buffers}})
}

// Flush waits until the kernel has published all that was sent before.
func (c *Conn) Flush(ctx context.Context) error {
	id := rand.Text()
	flushed := make(chan struct{})
	c.mu.Lock()
	c.flushes[id] = flushed
	before := c.conn
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.flushes, id)
		c.mu.Unlock()
	}()
	if err := c.write(Frame{Kind: Flush, Message: Message{ID: id}}); err != nil {
		return err
	}
	select {
	case <-flushed:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.over:
		return c.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != before {
		return ErrAway
	}
	return nil
}

// Parent returns the header of the cell that was running when the connection was made.
func (c *Conn) Parent() json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parent
}

// Path returns the path of the kernel's socket.
func (c *Conn) Path() string { return c.path }

// Away returns for how long the kernel has been away, 0 while it is there.
func (c *Conn) Away() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone.IsZero() {
		return 0
	}
	return max(1, time.Since(c.gone))
}

// Err says why the Conn is over: ErrClosed, ErrEnded, or what a kernel of another version said. It is nil before.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the Conn. It does not close its comms.
func (c *Conn) Close() error {
	c.end(ErrClosed)
	c.done.Wait()
	return nil
}
