package kernel

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
)

// mostDigests is how many messages of front-ends are remembered in each of two generations. At a message in ten
// milliseconds, as a slider that is moved makes them, it takes more than an hour until the oldest are forgotten.
const mostDigests = 1 << 19

var (
	errReplayed = errors.New("it was received before")
	errOwn      = errors.New("it is one of this kernel's own")
)

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

// kernelSession returns the session of the messages that a kernel with this key writes, and how such sessions begin: Jupyter
// keeps the key when it restarts a kernel, so what the kernel said before is still well signed. Sent back to the kernel it
// must not count as a front-end's.
func kernelSession(key []byte) (session, mark string) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("session of the kernel"))
	mark = hex.EncodeToString(mac.Sum(nil))[:16] + "-"
	return mark + newID(), mark
}

// isOwn tells whether a session is the kernel's, now or before a restart.
func (p *proxy) isOwn(session string) bool { return strings.HasPrefix(session, p.ownMark) }
