package resident

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gantry.local/kernel-ext/internal/framed"
)

// What is said over a socket: each connection carries one request and the replies to it, most often one. Each is a frame of two
// parts: JSON and, where there are numbers or pictures, bytes.

// Request is what a client asks.
type Request struct {
	Version int             // see Protocol
	Pid     int             // of the client
	Channel string          `json:",omitempty"` // of the client's notebook, see package channel
	Op      string          // what is to be done
	Args    json.RawMessage `json:",omitempty"`
}

// reply is what it is answered.
type reply struct {
	Version int
	Error   string          `json:",omitempty"`
	Kind    string          `json:",omitempty"` // of the error, where a program may want to tell
	Body    json.RawMessage `json:",omitempty"`
}

// kindAlive is the kind of a reply that is no answer yet, and no error; kindVersion that of ErrVersion.
const (
	kindAlive   = "alive"
	kindVersion = "version"
)

// ErrVersion is the error of a process and a client that speak different versions of their protocol.
var ErrVersion = errors.New("the process belongs to another version of Gantry")

// Protocol is what both ends of a socket agree on.
type Protocol struct {
	Version int              // of what is asked and answered; a change that an older process cannot answer raises it
	Errors  map[string]error // those that a program may want to tell apart, by the names that they have on the way
}

// kindsOf names all that an error is, with commas between.
func (p Protocol) kindsOf(err error) string {
	var kinds []string
	for kind, is := range p.Errors {
		if errors.Is(err, is) {
			kinds = append(kinds, kind)
		}
	}
	if errors.Is(err, ErrVersion) {
		kinds = append(kinds, kindVersion)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ",")
}

// errorOf is the error that a reply tells of, or nil.
func (p Protocol) errorOf(answer reply) error {
	if answer.Kind == "" && answer.Error == "" {
		return nil
	}
	told := &ToldError{text: answer.Error}
	for kind := range strings.SplitSeq(answer.Kind, ",") {
		if kind == kindVersion {
			told.is = append(told.is, ErrVersion)
		} else if is, known := p.Errors[kind]; known {
			told.is = append(told.is, is)
		}
	}
	return told
}

// ToldError is an error of the process that was asked, as it worded it.
type ToldError struct {
	text string
	is   []error
}

// Error says what it said there.
func (e *ToldError) Error() string { return e.text }

// Unwrap tells what it is.
func (e *ToldError) Unwrap() []error { return e.is }

const (
	largestJSON = 64 << 20

	// LargestBytes is the most that an answer may have beside its JSON.
	LargestBytes = 1 << 30
)

func writeFrame(w io.Writer, message any, bytes []byte) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > largestJSON || len(bytes) > LargestBytes {
		return fmt.Errorf("a message of %d and %d bytes is too long", len(text), len(bytes))
	}
	return framed.Write(w, text, bytes)
}

// readFrame reads a message and at most so many bytes beside it.
func readFrame(r io.Reader, message any, mostBytes int) ([]byte, error) {
	parts, err := framed.Read(r, largestJSON, mostBytes)
	if errors.Is(err, framed.ErrTooLong) {
		return nil, errors.New("this is not the other side of a resident process's socket")
	}
	if err != nil {
		return nil, err
	}
	return parts[1], json.Unmarshal(parts[0], message)
}
