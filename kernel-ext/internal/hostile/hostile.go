// Package hostile makes what peers send that keep to no protocol, for tests and the soak: noise, valid messages that were
// damaged, and messages that were made to do harm. All of it follows from a seed.
//
// Reading order: hostile.go (damage), framed.go (the channel and the runs), zmtp.go (Jupyter's five sockets), freeze.go (a
// process that does not answer).
package hostile

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"time"
)

// pick returns one of the choices.
func pick[T any](rnd *rand.Rand, choices ...T) T { return choices[rnd.IntN(len(choices))] }

// noise is up to n random bytes.
func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, 1+rnd.IntN(n))
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// extremes are numbers at which lengths and indices go wrong.
func extremes() []uint64 {
	return []uint64{0, 1, 1<<7 - 1, 1 << 8, 1<<16 - 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
}

// damaged is a valid message with a few things wrong.
func damaged(rnd *rand.Rand, valid []byte) []byte {
	b := slices.Clone(valid)
	for range 1 + rnd.IntN(3) {
		if len(b) == 0 {
			return b
		}
		at := rnd.IntN(len(b))
		switch rnd.IntN(6) {
		case 0:
			b[at] ^= 1 << rnd.IntN(8)
		case 1:
			b = b[:at]
		case 2:
			b = slices.Insert(b, at, noise(rnd, 16)...)
		case 3:
			b = slices.Delete(b, at, min(len(b), at+1+rnd.IntN(16)))
		case 4:
			b = append(b, b[at:]...)
		case 5: // where a length may stand
			long := binary.BigEndian.AppendUint64(nil, pick(rnd, extremes()...))
			copy(b[at:], long[pick(rnd, 0, 4, 7):])
		}
	}
	return b
}

// Send says what it is given to a peer, all at once, hears for a moment whether it is answered, and leaves; now and then
// without having said all. That the peer hangs up before is no error.
func Send(rnd *rand.Rand, conn net.Conn, said []byte, patience time.Duration) error {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(said); err != nil {
		return nil
	}
	if rnd.IntN(4) == 0 {
		return nil
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	answer := make([]byte, 64<<10)
	for range 100 {
		if _, err := conn.Read(answer); err != nil {
			return nil
		}
	}
	return os.ErrDeadlineExceeded // it never stops talking
}
