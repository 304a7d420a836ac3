package hostile

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// greeting is ZMTP's first 64 bytes.
func greeting(major, minor byte, mechanism string, server byte) []byte {
	b := []byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, major, minor}
	b = append(append(b, mechanism...), make([]byte, 64)...)[:32]
	return append(append(b, server), make([]byte, 31)...)
}

// zmtpFrame is a frame of ZMTP: flags, a length of one byte or eight, the body.
func zmtpFrame(flags byte, body []byte) []byte {
	if len(body) > 255 {
		return append(binary.BigEndian.AppendUint64([]byte{flags | 2}, uint64(len(body))), body...)
	}
	return append([]byte{flags, byte(len(body))}, body...)
}

const command, more = 4, 1

// ready is the command that ends the handshake without security.
func ready(properties ...string) []byte {
	body := []byte("\x05READY")
	for i := 0; i+1 < len(properties); i += 2 {
		body = append(append(body, byte(len(properties[i]))), properties[i]...)
		body = append(binary.BigEndian.AppendUint32(body, uint32(len(properties[i+1]))), properties[i+1]...)
	}
	return zmtpFrame(command, body)
}

// multipart is a message of several frames.
func multipart(parts ...string) []byte {
	var b []byte
	for i, part := range parts {
		flags := byte(more)
		if i == len(parts)-1 {
			flags = 0
		}
		b = append(b, zmtpFrame(flags, []byte(part))...)
	}
	return b
}

// Jupyter is what a hostile peer says to one of a kernel's five sockets. kind is that of a peer of the socket, such as
// DEALER. With the key some of the messages are signed; they run nothing.
func Jupyter(rnd *rand.Rand, kind string, key []byte) []byte {
	hello := append(greeting(3, byte(rnd.IntN(2)), "NULL", 0), ready("Socket-Type", kind, "Identity", pick(rnd, "", fmt.Sprint("hostile-", rnd.Uint64())))...)
	long := func(flags byte) []byte { return binary.BigEndian.AppendUint64([]byte{flags}, pick(rnd, extremes()...)) }
	switch rnd.IntN(14) {
	case 0:
		return noise(rnd, 4096)
	case 1:
		return greeting(byte(rnd.IntN(256)), byte(rnd.IntN(256)), pick(rnd, "NULL", "PLAIN", "CURVE", "", strings.Repeat("x", 20)), byte(rnd.IntN(3)))
	case 2:
		return damaged(rnd, hello)
	case 3: // a property that is cut off
		return append(greeting(3, 0, "NULL", 0), zmtpFrame(command, append([]byte("\x05READY"), noise(rnd, 8)...))...)
	case 4:
		return append(greeting(3, 0, "NULL", 0), zmtpFrame(command, noise(rnd, 3))...)
	case 5: // a length that nobody can keep
		return append(append(greeting(3, 0, "NULL", 0), long(pick[byte](rnd, 2, 6, 7))...), noise(rnd, 64)...)
	case 6:
		return append(append(hello, long(pick[byte](rnd, 2, 3, 6, 7, 0xff))...), noise(rnd, 64)...)
	case 7:
		return append(hello, ready("Socket-Type", pick(rnd, "PUB", "", "\x00", strings.Repeat("T", 300)), strings.Repeat("p", 255), strings.Repeat("v", 100_000))...)
	case 8:
		return append(hello, zmtpFrame(pick[byte](rnd, 0, 1, 4, 5), noise(rnd, 600))...)
	case 9: // subscriptions, also where nobody subscribes
		for range rnd.IntN(50) {
			hello = append(hello, zmtpFrame(0, append([]byte{byte(rnd.IntN(3))}, noise(rnd, 300)...))...)
		}
		return hello
	case 10: // a message without an end
		for range rnd.IntN(300) {
			hello = append(hello, zmtpFrame(more, noise(rnd, 30))...)
		}
		return hello
	case 11:
		return append(hello, multipart("<IDS|MSG>", value(rnd), value(rnd), value(rnd), value(rnd), value(rnd))...)
	}
	message := signed(rnd, key)
	if rnd.IntN(3) == 0 {
		return append(hello, damaged(rnd, message)...)
	}
	return append(append(hello, message...), message...) // the second is a replay
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
	for _, part := range parts {
		mac.Write([]byte(part))
	}
	return multipart(append([]string{"<IDS|MSG>", hex.EncodeToString(mac.Sum(nil))}, parts...)...)
}
