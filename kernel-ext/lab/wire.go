package lab

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// What is said over a run's socket: each connection carries one request and the replies to it, most often one. Each is a
// frame: the lengths of two parts, 32 bits each, big-endian; JSON; and, where there are numbers or pictures, bytes.
//
// Some answers take long: a compilation, a million steps. While there is nothing to say, the run's process says every
// two seconds that it lives, so that a client that hears nothing knows within 15 s that it does not.

// request is what a client asks.
type request struct {
	Version int             // protocolVersion
	Pid     int             // of the client
	Channel string          `json:",omitempty"` // of the client's kernel
	Op      string          // see resident.serve
	Args    json.RawMessage `json:",omitempty"`
}

// reply is what it is answered.
type reply struct {
	Version int
	Error   string          `json:",omitempty"`
	Kind    string          `json:",omitempty"` // of the error, where a program may want to tell
	Body    json.RawMessage `json:",omitempty"`
}

// kindAlive is the kind of a reply that is no answer yet, and no error.
const kindAlive = "alive"

// kindsOfErrors are those that a program may want to tell apart.
func kindsOfErrors() map[string]error {
	return map[string]error{"paused": ErrPaused, "unsaved": ErrUnsaved, "no picture": ErrNoPicture, "no text": ErrNoText, "version": errVersion,
		"ending": errEnding}
}

// kindsOf names all that an error is, with commas between.
func kindsOf(err error) string {
	var kinds []string
	for kind, is := range kindsOfErrors() {
		if errors.Is(err, is) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, ",")
}

// kindError is an error of such kinds, as it was worded where it arose.
type kindError struct{ text, kinds string }

// Error says what it said there.
func (e *kindError) Error() string { return e.text }

// Unwrap tells the kinds.
func (e *kindError) Unwrap() (all []error) {
	for kind := range strings.SplitSeq(e.kinds, ",") {
		if is, known := kindsOfErrors()[kind]; known {
			all = append(all, is)
		}
	}
	return all
}

const (
	largestJSON  = 64 << 20
	largestBytes = 1 << 30

	aliveEvery  = 2 * time.Second
	silence     = 12 * time.Second // after which a process that said nothing is taken to hang; with the dialling less than 15 s
	stoppedTime = 3 * time.Second  // the same for one that a signal has stopped
	glance      = 500 * time.Millisecond
)

func writeFrame(w io.Writer, message any, bytes []byte) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > largestJSON || len(bytes) > largestBytes {
		return fmt.Errorf("a message of %d and %d bytes is too long", len(text), len(bytes))
	}
	frame := make([]byte, 8, 8+len(text)+len(bytes))
	binary.BigEndian.PutUint32(frame, uint32(len(text)))
	binary.BigEndian.PutUint32(frame[4:], uint32(len(bytes)))
	_, err = w.Write(append(append(frame, text...), bytes...))
	return err
}

// readFrame reads a message and at most so many bytes beside it. What the lengths promise is allocated as it comes.
func readFrame(r io.Reader, message any, mostBytes uint32) ([]byte, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return nil, err
	}
	text, more := binary.BigEndian.Uint32(lengths[:]), binary.BigEndian.Uint32(lengths[4:])
	if text > largestJSON || more > mostBytes {
		return nil, errors.New("this is not the other side of a run's socket")
	}
	var both bytes.Buffer
	if _, err := io.CopyN(&both, r, int64(text)+int64(more)); errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return both.Bytes()[text:], json.Unmarshal(both.Bytes()[:text], message)
}

// errSilent is the error of a process that keeps a run and says nothing.
var errSilent = errors.New("its process does not answer")

// patientConn is a client's connection to a run's process: it waits for as long as that shows signs of life.
type patientConn struct {
	net.Conn
	run     *Run
	pid     int // of the process, or 0
	release func() bool
}

// Close closes it and lets go of the context.
func (c *patientConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// Read reads what there is, or fails with errSilent when nothing came for too long.
func (c *patientConn) Read(to []byte) (int, error) {
	begin := time.Now()
	var stopped time.Time // since when
	for {
		c.SetReadDeadline(time.Now().Add(glance))
		n, err := c.Conn.Read(to)
		var timeout net.Error
		if n > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
			return n, err
		}
		if !isStopped(c.pid) {
			stopped = time.Time{}
		} else if stopped.IsZero() {
			stopped = time.Now()
		}
		if time.Since(begin) > silence || !stopped.IsZero() && time.Since(stopped) > stoppedTime {
			return 0, c.run.silent(c.pid)
		}
	}
}

// silent is the error of a process that keeps the run and does not answer.
func (r *Run) silent(pid int) error {
	if pid == 0 {
		pid = r.pid()
	}
	switch {
	case isStopped(pid):
		return fmt.Errorf("run %s is stopped (SIGSTOP), process %d: continue it by `kill -CONT %d`, or save and end it by `gantry stop %s`: %w",
			r.name, pid, pid, r.handle(), errSilent)
	case pid == 0:
		return fmt.Errorf("run %s hangs: %w; which process that is is not known: see what has %s open", r.name, errSilent, r.lockPath())
	}
	return fmt.Errorf("run %s hangs, process %d: `gantry stop %s` ends it, and opened again it goes on from its last checkpoint: %w",
		r.name, pid, r.handle(), errSilent)
}
