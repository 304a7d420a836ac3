package channel

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"gantry.local/kernel-ext/internal/hostile"
)

// FuzzReadFrame reads what anybody may send. What can be read says the same when it is written and read again.
func FuzzReadFrame(f *testing.F) {
	rnd := rand.New(rand.NewPCG(11, 0))
	for range 200 {
		f.Add(hostile.Channel(rnd))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		read, err := readFrame(bytes.NewReader(wire))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, read); err != nil {
			return // JSON grows by what is escaped in it
		}
		if got, err := readFrame(&again); err != nil || got.Kind != read.Kind || got.ID != read.ID || !reflect.DeepEqual(got.Buffers, read.Buffers) {
			t.Errorf("%+v was read again as %+v, %v", read, got, err)
		}
	})
}
