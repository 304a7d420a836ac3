// Package zmtptest makes what a hostile or broken peer may say to a ZeroMQ socket, for the tests of whatever listens.
package zmtptest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// The flags of a frame.
const (
	More, Long, Command = 1, 2, 4
)

// Greeting is the 64 bytes that a peer says first.
func Greeting(version byte, mechanism string) []byte {
	g := make([]byte, 64)
	g[0], g[9], g[10] = 0xff, 0x7f, version
	copy(g[12:32], mechanism)
	return g
}

// Frame is one frame on the wire, which may announce another length than it has.
func Frame(flags byte, announced uint64, body []byte) []byte {
	b := []byte{flags}
	if flags&Long != 0 {
		b = binary.BigEndian.AppendUint64(b, announced)
	} else {
		b = append(b, byte(announced))
	}
	return append(b, body...)
}

// CommandFrame is a command.
func CommandFrame(name string, body []byte) []byte {
	whole := slices.Concat([]byte{byte(len(name))}, []byte(name), body)
	return Frame(Command|Long, uint64(len(whole)), whole)
}

// Property is one property of what a peer says about itself in READY.
func Property(name, value string) []byte {
	b := append([]byte{byte(len(name))}, name...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
}

// Hello is the whole handshake of a socket of a kind: after it, messages pass.
func Hello(kind, identity string) []byte {
	properties := slices.Concat(Property("Socket-Type", kind), Property("Identity", identity))
	return append(Greeting(3, "NULL"), CommandFrame("READY", properties)...)
}

// Message is a message of several frames.
func Message(frames ...[]byte) []byte {
	var b []byte
	for i, frame := range frames {
		flags := byte(Long | More)
		if i == len(frames)-1 {
			flags = Long
		}
		b = append(b, Frame(flags, uint64(len(frame)), frame)...)
	}
	return b
}

// Hostile is what listening sockets must refuse, each by its name: those that begin with "silence" are well-formed as far as
// they go. kind is what the peer says it is, where it gets that far; it is not a SUB.
func Hostile(kind string) map[string][]byte {
	g, hello := Greeting(3, "NULL"), Hello(kind, "")
	with := func(more ...[]byte) []byte { return slices.Concat(append([][]byte{hello}, more...)...) }
	before := func(more ...[]byte) []byte { return slices.Concat(append([][]byte{g}, more...)...) }
	is := Property("Socket-Type", kind)
	var many []byte
	for i := range 200 {
		many = append(many, Property(fmt.Sprint("x", i), "")...)
	}
	return map[string][]byte{
		"no ZeroMQ":                            []byte("GET / HTTP/1.1\r\n\r\n"),
		"version 1":                            {1, 0},
		"version 2":                            {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0},
		"signature":                            append([]byte{0xff}, make([]byte, 63)...),
		"mechanism PLAIN":                      Greeting(3, "PLAIN"),
		"mechanism of 20 letters":              Greeting(3, "NULLNULLNULLNULLNULL"),
		"READY of one byte":                    before(Frame(Command, 1, []byte{1})),
		"READY without a body":                 before(Frame(Command, 0, nil)),
		"READY without properties":             before(CommandFrame("READY", nil)),
		"READY with a name cut off":            before(CommandFrame("READY", []byte{200, 'x'})),
		"READY with an empty name":             before(CommandFrame("READY", []byte{0, 0, 0, 0, 0})),
		"READY without a value":                before(CommandFrame("READY", []byte{1, 'x', 0, 0})),
		"READY with a value of 4 GB":           before(CommandFrame("READY", []byte{1, 'x', 255, 255, 255, 255})),
		"READY with many properties":           before(CommandFrame("READY", append(many, is...))),
		"READY with an identity of 256":        before(CommandFrame("READY", append(is, Property("Identity", strings.Repeat("i", 256))...))),
		"READY with a router's identity":       before(CommandFrame("READY", append(is, Property("Identity", "\x00i")...))),
		"READY of a socket that does not fit":  before(CommandFrame("READY", Property("Socket-Type", "PULL"))),
		"READY of a socket nobody knows":       before(CommandFrame("READY", Property("Socket-Type", "X"))),
		"a message before READY":               before(Frame(0, 1, []byte{1})),
		"another command before READY":         before(CommandFrame("PING", []byte{0, 0})),
		"ERROR":                                before(CommandFrame("ERROR", []byte("\x03why"))),
		"ERROR of nothing":                     before(CommandFrame("ERROR", nil)),
		"READY of 2^63-1 bytes":                before(Frame(Command|Long, 1<<63-1, nil)),
		"a command of 2^63-1 bytes":            with(Frame(Command|Long, 1<<63-1, nil)),
		"a command of 2^64-1 bytes":            with(Frame(Command|Long, 1<<64-1, nil)),
		"a command without a name":             with(Frame(Command, 0, nil)),
		"a command with its name cut off":      with(Frame(Command, 2, []byte{9, 'P'})),
		"a command that goes on":               with(Frame(Command|More, 5, []byte("\x04PING"))),
		"PING without a time":                  with(CommandFrame("PING", nil)),
		"PING with a long context":             with(CommandFrame("PING", make([]byte, 100))),
		"SUBSCRIBE to what does not publish":   with(CommandFrame("SUBSCRIBE", nil)),
		"a frame of 2^40 bytes":                with(Frame(Long, 1<<40, nil)),
		"a frame of 2^63 bytes":                with(Frame(Long, 1<<63, nil)),
		"a frame of 2^64-1 bytes":              with(Frame(Long, 1<<64-1, nil)),
		"flags of a later version":             with(Frame(0x80, 1, []byte{1})),
		"frames without end":                   with(bytes.Repeat(Frame(More, 0, nil), 20_000)),
		"ERROR after READY":                    with(CommandFrame("ERROR", []byte("\x00"))),
		"a frame too long for what is left":    with(Frame(More|Long, 900_000, make([]byte, 900_000)), Frame(Long, 1<<33, nil)),
		"silence":                              {},
		"silence after half a greeting":        g[:20],
		"silence after half of READY":          hello[:70],
		"silence after the handshake":          hello,
		"silence after half a frame":           with(Frame(Long, 1000, []byte("half"))),
		"silence after a frame that goes on":   with(Frame(More, 1, []byte{1})),
		"silence after half of a frame header": with([]byte{Long, 0, 0}),
	}
}

// Peer is a source of what a hostile or broken peer might say.
type Peer struct {
	random  *rand.Rand
	hostile [][]byte
	valid   [][]byte
}

// NewPeer returns a peer that says it is of a kind. messages are what clients say behind the handshake.
func NewPeer(kind string, source rand.Source, messages ...[]byte) *Peer {
	p := &Peer{random: rand.New(source)}
	all := Hostile(kind)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p.hostile = append(p.hostile, all[name])
	}
	for _, m := range messages {
		p.valid = append(p.valid, slices.Concat(Hello(kind, ""), m))
	}
	return p
}

// Next returns the next of an endless row: one of Hostile, or that or what a client says with some of its bytes changed,
// lost, doubled or cut off.
func (p *Peer) Next() []byte {
	r := p.random
	text := p.hostile[r.IntN(len(p.hostile))]
	if r.IntN(3) == 0 {
		return text
	}
	if len(p.valid) > 0 && r.IntN(2) == 0 {
		text = p.valid[r.IntN(len(p.valid))]
	}
	text = bytes.Clone(text[:min(len(text), 4096)])
	for range 1 + r.IntN(4) {
		if len(text) < 2 {
			break
		}
		at := r.IntN(len(text))
		if r.IntN(2) == 0 && len(text) > 64 {
			at = 64 + r.IntN(len(text)-64) // behind the greeting, where more can go wrong
		}
		end := min(len(text), at+1+r.IntN(16))
		switch r.IntN(5) {
		case 0:
			text[at] = byte(r.IntN(256))
		case 1:
			text[at] ^= 1 << r.IntN(8)
		case 2:
			text = slices.Delete(text, at, end)
		case 3:
			text = slices.Insert(text, at, bytes.Clone(text[at:end])...)
		case 4:
			text = text[:at]
		}
	}
	return text
}
