package hostile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"gantry.local/kernel-ext/jupyter/zmtp/zmtptest"
)

// Jupyter is what a hostile peer says to one of a kernel's five sockets. kind is that of a peer of the socket, such as
// DEALER. With the key some of the messages are signed; they run nothing.
func Jupyter(rnd *rand.Rand, kind string, key []byte) []byte {
	message := signed(rnd, key)
	if rnd.IntN(4) == 0 { // the second is a replay
		return slices.Concat(zmtptest.Hello(kind, ""), message, message)
	}
	return zmtptest.NewPeer(kind, rnd, message).Next()
}

// signed is a message of Jupyter's with a good signature and parts that are not what they should be.
func signed(rnd *rand.Rand, key []byte) []byte {
	header := fmt.Sprintf(`{"msg_id":"h%d","session":"s","username":"u","date":"2026-01-01T00:00:00Z","msg_type":%q,"version":"5.3"}`, rnd.Uint64(),
		pick(rnd, "kernel_info_request", "complete_request", "inspect_request", "history_request", "is_complete_request", "comm_info_request",
			"comm_open", "comm_msg", "comm_close", "debug_request", "?", strings.Repeat("m", 9000)))
	content := pick(rnd, `{}`, `{"code":"x","cursor_pos":-1,"detail_level":0}`, `{"code":"é😀","cursor_pos":99999999}`,
		`{"hist_access_type":"tail","n":-9223372036854775808}`, `{"hist_access_type":"range","start":-1,"stop":1e18}`, value(rnd))
	parts := []string{pick(rnd, header, header, header, value(rnd)), pick(rnd, `{}`, value(rnd)), pick(rnd, `{}`, value(rnd)), content}
	mac := hmac.New(sha256.New, key)
	frames := [][]byte{[]byte("<IDS|MSG>"), nil}
	for _, part := range parts {
		mac.Write([]byte(part))
		frames = append(frames, []byte(part))
	}
	frames[1] = hex.AppendEncode(nil, mac.Sum(nil))
	return zmtptest.Message(frames...)
}
