package jupyter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// mostDigests is how many messages of front-ends are remembered in each of two generations. At a message in ten
// milliseconds, as a slider that is moved makes them, it takes more than an hour until the oldest are forgotten.
const mostDigests = 1 << 19

// replays keeps front-ends' messages from being taken twice: who has seen one could send it again without the key. The
// zero value is ready to use.
type replays struct {
	most int // 0: mostDigests

	mu        sync.Mutex
	now, past map[[16]byte]bool // halves of the digests, which are as good as random
}

// first tells whether a signature comes for the first time, and remembers it.
func (r *replays) first(signature []byte) bool {
	var digest [sha256.Size]byte
	if len(signature) != hex.EncodedLen(len(digest)) {
		return false
	}
	if _, err := hex.Decode(digest[:], signature); err != nil {
		return false // not one of a message that was verified
	}
	half := [16]byte(digest[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now[half] || r.past[half] {
		return false
	}
	if r.now == nil || len(r.now) >= cmp.Or(r.most, mostDigests) {
		r.now, r.past = map[[16]byte]bool{}, r.now
	}
	r.now[half] = true
	return true
}
