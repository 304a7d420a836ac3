package kernel

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// delimiter parts the routing identities from the signed parts of a Jupyter message.
const delimiter = "<IDS|MSG>"

// protocolVersion is the Jupyter messaging protocol of the messages this package writes itself; it is GoNB's too.
const protocolVersion = "5.4"

// message is one Jupyter message, its JSON parts kept as the sender wrote them: what is not understood here must come
// out on the other side unharmed, and a signature covers bytes, not meaning.
type message struct {
	identities                        [][]byte
	header, parent, metadata, content []byte
	buffers                           [][]byte // binary attachments; the protocol does not sign them
	signature                         []byte   // of a message that was parsed
}

// header is the part of a Jupyter message header that forwarding looks at.
type header struct {
	MsgID    string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	MsgType  string `json:"msg_type"`
	Version  string `json:"version"`
}

// signer signs and verifies messages with HMAC-SHA256. An empty key means that messages carry no signature, which the
// protocol allows.
type signer struct{ key []byte }

func (s signer) sign(m *message) string {
	if len(s.key) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, s.key)
	for _, part := range [][]byte{m.header, m.parent, m.metadata, m.content} {
		mac.Write(part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// parse reads the frames of a message and checks its signature.
func (s signer) parse(frames [][]byte) (*message, error) {
	at := 0
	for at < len(frames) && string(frames[at]) != delimiter {
		at++
	}
	if len(frames) < at+6 {
		return nil, fmt.Errorf("message of %d frames is not a Jupyter message", len(frames))
	}
	m := &message{
		identities: frames[:at:at],
		header:     frames[at+2], parent: frames[at+3], metadata: frames[at+4], content: frames[at+5],
		buffers: frames[at+6:], signature: bytes.ToLower(frames[at+1]),
	}
	if !hmac.Equal([]byte(s.sign(m)), m.signature) {
		return nil, errors.New("wrong signature")
	}
	return m, nil
}

// frames is the inverse of parse.
func (s signer) frames(m *message) [][]byte {
	out := make([][]byte, 0, len(m.identities)+6+len(m.buffers))
	out = append(out, m.identities...)
	out = append(out, []byte(delimiter), []byte(s.sign(m)), m.header, m.parent, m.metadata, m.content)
	return append(out, m.buffers...)
}

// decodeHeader reads a header; GoNB and some clients send {} where there is no parent, which yields the zero header.
func decodeHeader(raw []byte) (header, error) {
	var h header
	fields, err := object("header", raw)
	if err != nil {
		return h, err
	}
	for name, to := range map[string]*string{
		"msg_id": &h.MsgID, "msg_type": &h.MsgType, "session": &h.Session, "username": &h.Username, "date": &h.Date, "version": &h.Version,
	} {
		if value, there := fields[name]; there && json.Unmarshal(value, to) != nil {
			return h, fmt.Errorf("%s of its header is no text", name)
		}
	}
	return h, nil
}

// newMessage builds a message of this kernel's own. parent may be nil.
func newMessage(session, msgType string, parent *message, content any) *message {
	h, err := json.Marshal(header{
		MsgID: newID(), Session: session, Username: "gantry", Date: time.Now().UTC().Format(time.RFC3339Nano),
		MsgType: msgType, Version: protocolVersion,
	})
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	body, err := json.Marshal(content)
	if err != nil {
		panic(err) // contents are literals of this package
	}
	m := &message{header: h, parent: []byte("{}"), metadata: []byte("{}"), content: body}
	if parent != nil {
		m.parent = parent.header
	}
	return m
}

// newReply is newMessage addressed to the peer that sent request.
func newReply(session, msgType string, request *message, content any) *message {
	m := newMessage(session, msgType, request, content)
	m.identities = request.identities
	return m
}

// newID returns a random identifier of at least 128 bits.
func newID() string { return strings.ToLower(rand.Text()) }
