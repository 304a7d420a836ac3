package zmtp

import (
	"encoding/binary"
	"io"
	"math"
	"net"
)

const (
	flagMore, flagLong, flagCommand = 1, 2, 4

	longestCommand = 64 << 10 // READY with what a peer tells of itself, SUBSCRIBE with a topic
	firstPiece     = 64 << 10 // what is allocated on the word of a peer
	keepingFrame   = 64       // bytes it takes to keep a frame besides its own
	sentAtOnce     = 256 << 10
	copiedWhenSent = 4 << 10
)

// frameHeader reads the flags and the length that begin a frame.
func (c *Conn) frameHeader() (flags byte, size uint64, err error) {
	if flags, err = c.in.ReadByte(); err != nil {
		return 0, 0, err
	}
	if flags&^(flagMore|flagLong|flagCommand) != 0 || flags&flagCommand != 0 && flags&flagMore != 0 {
		return 0, 0, broken("a frame has the flags %#x", flags)
	}
	var length [8]byte
	digits := length[len(length)-1:]
	if flags&flagLong != 0 {
		digits = length[:]
	}
	if _, err := io.ReadFull(c.in, digits); err != nil {
		return 0, 0, err
	}
	if size = binary.BigEndian.Uint64(length[:]); size > math.MaxInt64 {
		return 0, 0, broken("a frame announces %d bytes", size)
	}
	return flags, size, nil
}

// readCommand reads the rest of a command's frame: a name and a body.
func (c *Conn) readCommand(flags byte, size uint64) (name string, body []byte, err error) {
	if size > longestCommand {
		return "", nil, broken("a command announces %d bytes, at most %d are read", size, longestCommand)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(c.in, frame); err != nil {
		return "", nil, err
	}
	if len(frame) == 0 {
		return "", nil, broken("a command without a name")
	}
	head, body, err := take(frame, uint64(frame[0]), nameLength)
	if err != nil || len(head) == 0 {
		return "", nil, broken("a command's name is cut off or empty")
	}
	return string(head), body, nil
}

// readBody reads a frame of a message, which holds *held bytes so far, in pieces: each is as large as what has arrived.
func (c *Conn) readBody(size uint64, held *int64) ([]byte, error) {
	if most := c.Limits.Bytes; most > 0 && (size > uint64(most) || *held+int64(size)+keepingFrame > most) {
		return nil, broken("a message announces more than %d bytes", most)
	}
	frame := []byte{}
	before := *held + keepingFrame
	for piece := uint64(firstPiece); ; piece *= 2 {
		next := min(size, piece)
		*held = before + int64(next)
		if c.Limits.Hold != nil {
			if err := c.Limits.Hold(*held); err != nil {
				return nil, err
			}
		}
		arrived := len(frame)
		grown := make([]byte, next)
		copy(grown, frame)
		frame = grown
		if _, err := io.ReadFull(c.in, frame[arrived:]); err != nil {
			return nil, err
		}
		if next == size {
			return frame, nil
		}
	}
}

// gather adds a frame to what the next flush sends. Small ones are copied, so that many leave in one call; c.mu is held.
func (c *Conn) gather(flags byte, frame []byte) error {
	if len(frame) > math.MaxUint8 {
		c.header = append(c.header, flags|flagLong)
		c.header = binary.BigEndian.AppendUint64(c.header, uint64(len(frame)))
	} else {
		c.header = append(c.header, flags, byte(len(frame)))
	}
	if len(frame) <= copiedWhenSent {
		c.header = append(c.header, frame...)
		if len(c.header) < sentAtOnce {
			return nil
		}
		return c.flush()
	}
	c.pieces = append(c.pieces, c.header)
	c.header = nil
	for len(frame) > 0 {
		piece := frame[:min(len(frame), sentAtOnce)]
		frame = frame[len(piece):]
		c.pieces = append(c.pieces, piece)
		if len(piece) == sentAtOnce {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush hands what was gathered to the operating system; c.mu is held.
func (c *Conn) flush() error {
	if len(c.header) > 0 {
		c.pieces = append(c.pieces, c.header)
	}
	pieces := net.Buffers(c.pieces) // WriteTo eats the slice it is called on
	_, err := pieces.WriteTo(c.conn)
	clear(c.pieces)
	c.pieces, c.header = c.pieces[:0], c.header[:0]
	if cap(c.header) > copiedWhenSent*2 { // most peers get little
		c.header = nil
	}
	if c.sent != nil {
		c.sent()
	}
	return err
}
