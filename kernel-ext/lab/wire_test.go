package lab

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"gantry.local/kernel-ext/internal/hostile"
)

// FuzzReadFrame reads what anybody may send to a run's socket: a request or an error, and no more memory than came.
func FuzzReadFrame(f *testing.F) {
	rnd := rand.New(rand.NewPCG(11, 0))
	for range 200 {
		f.Add(hostile.Run(rnd, protocolVersion))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		var q request
		sent, err := readFrame(bytes.NewReader(wire), &q)
		if err == nil && len(sent)+8 > len(wire) {
			t.Errorf("%d bytes came out of %d", len(sent), len(wire))
		}
	})
}
