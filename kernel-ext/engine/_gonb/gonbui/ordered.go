package gonbui

import (
	"encoding/binary"
	"encoding/gob"
	"io"
	"os"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// EnvTaken names a pipe by which a program is told how much of what it has sent has been taken: a number of bytes, in eight.
// Without it a program goes on at once, and what it prints next may come before what it has shown.
const EnvTaken = "GANTRY_TAKEN"

// init opens what openLocked would open, so that each display is waited for: order on the page is order in the program.
func init() {
	pipe, path := os.Getenv(protocol.GONB_PIPE_ENV), os.Getenv(EnvTaken)
	if pipe == "" || path == "" {
		return
	}
	to, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		return // the cell is over, and openLocked says so
	}
	taken, err := os.Open(path)
	if err != nil {
		to.Close()
		return
	}
	gonbWriterPipe, gonbEncoder = to, gob.NewEncoder(&ordered{to: to, taken: taken})
}

// ordered is the way of an encoder's messages.
type ordered struct {
	to, taken *os.File
	sent      uint64
}

// Write implements io.Writer. It returns when what is written has been dealt with, as far as that is possible.
func (o *ordered) Write(message []byte) (int, error) {
	n, err := o.to.Write(message)
	o.sent += uint64(n)
	for number := [8]byte{}; err == nil && binary.BigEndian.Uint64(number[:]) < o.sent; {
		if _, gone := io.ReadFull(o.taken, number[:]); gone != nil {
			return n, nil // the cell is over, as the next Write finds
		}
	}
	return n, err
}
