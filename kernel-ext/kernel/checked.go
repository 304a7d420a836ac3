package kernel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What front-ends send is checked here before anything else looks at it. A header goes back to all front-ends as the
// parent of what follows, and GoNB ends at a message that is not as it expects.

const (
	longestHeader = 64 << 10
	deepestHeader = 16 // Python's reader of JSON, which meets it as a parent header, ends at some hundred
)

// readHeader reads the header of a front-end's message.
func readHeader(raw []byte) (header, error) {
	if len(raw) > longestHeader {
		return header{}, fmt.Errorf("its header has %d bytes", len(raw))
	}
	h, err := decodeHeader(raw)
	switch {
	case err != nil:
		return h, err
	case depth(raw) > deepestHeader:
		return h, errors.New("its header is nested deeply")
	case h.MsgID == "" || h.MsgType == "":
		return h, errors.New("its header has no msg_id or no msg_type")
	}
	return h, nil
}

// object reads a part of a message, which must be a JSON object of valid UTF-8. Of equal names the last counts, and names
// differ by case, as in Python and JavaScript and unlike for Go's structs.
func object(part string, raw []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("its %s is not UTF-8", part)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("its %s is no JSON object", part)
	}
	return fields, nil
}

// depth is how deeply brackets are nested in JSON.
func depth(raw []byte) int {
	deepest, now, inText := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// checkParts checks the parts of a message behind its header. Null for a parent header or for metadata is as good as {}.
func checkParts(m *message) error {
	for _, part := range []struct {
		name string
		raw  *[]byte
		null bool
	}{{"parent header", &m.parent, true}, {"metadata", &m.metadata, true}, {"content", &m.content, false}} {
		if part.null && bytes.Equal(bytes.TrimSpace(*part.raw), []byte("null")) {
			*part.raw = []byte("{}")
		}
		if _, err := object(part.name, *part.raw); err != nil {
			return err
		}
	}
	return nil
}

// take reads the frames that a peer of a socket sent, the first being its identity, and calls trust if only a holder of the
// key can have made them. What is not right is dropped with a line in the log, and answered where the protocol has an
// answer.
func (p *proxy) take(socket string, frames [][]byte, trust func()) (*message, header, bool) {
	m, h, err := p.verify(frames)
	if err != nil {
		p.log.complain("%s socket: dropped a message: %v", socket, err)
		return nil, h, false
	}
	p.clients.add(string(frames[0]))
	trust()
	if err := checkParts(m); err != nil {
		p.refuse(socket, m, h, err)
		return nil, h, false
	}
	return m, h, true
}

// verify reads a message and makes sure that it is a front-end's, new, and well addressed.
func (p *proxy) verify(frames [][]byte) (*message, header, error) {
	m, err := p.signer.parse(frames[1:])
	if err != nil {
		return nil, header{}, err
	}
	m.identities = append([][]byte{frames[0]}, m.identities...)
	h, err := readHeader(m.header)
	switch {
	case err != nil:
	case p.isOwn(h.Session):
		err = errOwn
	case len(p.signer.key) > 0 && !p.replays.first(m.signature):
		err = errReplayed
	}
	return m, h, err
}

// refuse answers a request that cannot be understood with an error; what has no answer is dropped.
func (p *proxy) refuse(socket string, m *message, h header, why error) {
	p.log.complain("%s socket: refused %q: %v", socket, h.MsgType, why)
	kind, isRequest := strings.CutSuffix(h.MsgType, "_request")
	if !isRequest || socket == "stdin" {
		return
	}
	p.answer(socket, m, kind+"_reply", func() any {
		return map[string]any{"status": "error", "ename": "MalformedMessage", "evalue": why.Error(), "traceback": []string{}}
	})
}
