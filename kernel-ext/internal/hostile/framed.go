package hostile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"gantry.local/kernel-ext/internal/framed"
)

// values are JSON of every kind, right and wrong, for the places where a protocol wants one kind.
func values() []string {
	return []string{`null`, `true`, `-1`, `9e18`, `1e400`, `3.5`, `""`, `"\u0000"`, `"x"`, `[]`, `[1,[2]]`, `{}`, `{"a":{"b":[]}}`, `{`, ``,
		`"` + strings.Repeat("a", 5000) + `"`, strings.Repeat("[", 9000), strings.Repeat(`{"a":`, 9000), "\xff\xfe", `{"comm_id":3}`,
		`{"comm_id":"c","data":7}`, `{"Comms":[1]}`, `{"Version":"one"}`, `-9223372036854775808`, `18446744073709551615`}
}

func value(rnd *rand.Rand) string { return pick(rnd, values()...) }

// channelFrame frames a head as the channel does.
func channelFrame(head string, buffers ...[]byte) []byte {
	b := framed.Append(nil, []byte(head))
	for _, buffer := range buffers {
		b = append(b, buffer...)
	}
	return b
}

// Channel is what a hostile process says to a kernel's channel, of package channel. A connection that gets as far as to be
// a peer publishes nothing that a page could see.
func Channel(rnd *rand.Rand) []byte {
	hello := channelFrame(fmt.Sprintf(`{"Kind":"hello","Content":{"Version":1,"Name":"hostile-%d","Comms":{}}}`, rnd.IntN(1000)))
	kind := pick(rnd, "hello", "publish", "own", "will", "done", "states", "flush", "comm", "end", "", "?", strings.Repeat("k", 70000))
	frame := channelFrame(fmt.Sprintf(`{"Kind":%q,"ID":%s,"Type":%s,"Parent":%s,"Content":%s,"Metadata":%s}`, kind,
		pick(rnd, `"i"`, value(rnd)), pick(rnd, `"comm_msg"`, `"comm_close"`, `"execute_reply"`, `"status"`, value(rnd)), value(rnd), value(rnd), value(rnd)))
	sizes := channelFrame(fmt.Sprintf(`{"Kind":"publish","Type":"status","Sizes":[%d,%d]}`, int64(pick(rnd, extremes()...)), int64(pick(rnd, extremes()...))), noise(rnd, 100))
	switch rnd.IntN(9) {
	case 0:
		return noise(rnd, 4096)
	case 1:
		return binary.BigEndian.AppendUint32(nil, uint32(pick(rnd, extremes()...)))
	case 2:
		return damaged(rnd, hello)
	case 3:
		return channelFrame(fmt.Sprintf(`{"Kind":"hello","Content":%s}`, value(rnd)))
	case 4:
		return sizes
	case 5:
		return append(hello, sizes...)
	case 6:
		return append(hello, damaged(rnd, frame)...)
	case 7:
		return append(hello, channelFrame(value(rnd))...)
	}
	return append(hello, frame...)
}

// runFrame frames a request as runs do.
func runFrame(request string, bytes []byte) []byte {
	return framed.Append(nil, []byte(request), bytes)
}

// Run is what a hostile client says to the socket of a resident run, of package lab. version is that of the protocol. What
// it asks for changes nothing in a run that keeps its limits.
func Run(rnd *rand.Rand, version int) []byte {
	op := pick(rnd, "status", "ready", "known", "wait", "sample", "look", "metrics", "follow", "host", "figure", "set", "train", "rewind",
		"branch", "", "?", strings.Repeat("o", 70000))
	args := value(rnd)
	switch number := pick(rnd, "-1", "1000000000000", "9223372036854775807", "-9223372036854775808", "1e300", "0.5", `"1"`, "[]"); op {
	case "sample":
		args = pick(rnd, fmt.Sprintf(`{"N":%s,"Seed":%s}`, number, number), fmt.Sprintf(`{"Z":[%s]}`, number), `{"Z":[]}`, `{"Z":[1,2,3]}`,
			`{"Z":[1,2],"Classes":[-1]}`, `{"Z":[1,2],"Classes":[1,2,3]}`, `{"N":0}`)
	case "wait":
		args = fmt.Sprintf(`{"Kind":%d,"Until":%s}`, rnd.IntN(400)-100, number)
	case "follow":
		args = fmt.Sprintf(`{"After":%s}`, number)
	case "set":
		args = fmt.Sprintf(`{"Name":"no such setting","Value":%s}`, number)
	case "figure":
		args = fmt.Sprintf(`{"Channel":"/nowhere/at/all","Until":%s}`, number)
	case "train", "rewind": // what is right among the values would train
		args = pick(rnd, `{"N":-5}`, `{"To":-1}`, `{"N":"x"}`, `{"N":0}`, `"x"`, `-1`, `{"N":1e30}`, `[]`, `{`)
	case "branch": // a folder's name would make that folder
		args = pick(rnd, `3`, `[]`, `{}`, `true`, `{`)
	}
	request := fmt.Sprintf(`{"Version":%d,"Pid":%s,"Op":%q,"Args":%s}`, pick(rnd, version, version, version, version-1, 1<<40), pick(rnd, "1", "-1", "0", value(rnd)), op, args)
	switch rnd.IntN(7) {
	case 0:
		return noise(rnd, 4096)
	case 1:
		b := binary.BigEndian.AppendUint32(nil, uint32(pick(rnd, extremes()...)))
		return binary.BigEndian.AppendUint32(b, uint32(pick(rnd, extremes()...)))
	case 2: // one that is harmless whatever becomes of it
		return damaged(rnd, runFrame(fmt.Sprintf(`{"Version":%d,"Pid":1,"Op":%q,"Args":{"N":3,"Seed":5,"After":2}}`, version, pick(rnd, "status", "sample", "look", "metrics")), nil))
	case 3:
		return runFrame(value(rnd), noise(rnd, 100))
	}
	return runFrame(request, nil)
}
