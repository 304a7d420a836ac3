package jupyter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
)

// mostDigests is how many messages of front-ends are remembered at least. At a message in ten milliseconds, as a slider that is
// moved makes them, it takes more than an hour until the oldest are forgotten.
const mostDigests = 1 << 19

// replays keeps front-ends' messages from being taken twice: who has seen one could send it again without the key. The
// zero value is ready to use.
type replays struct {
	most int // 0: mostDigests
	seen recent[[16]byte]
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
	return r.seen.first([16]byte(digest[:]), cmp.Or(r.most, mostDigests)) // halves of digests are as good as random
}
