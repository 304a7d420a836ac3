package jupyter

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

// Message is one Jupyter message, its JSON parts kept as the sender wrote them: what is not understood here must come
// out on the other side unharmed, and a signature covers bytes, not meaning.
type Message struct {
	Identities                        [][]byte
	Header, Parent, Metadata, Content []byte
	Buffers                           [][]byte // binary attachments; the protocol does not sign them
	signature                         []byte   // of a message that was parsed
}

// Header is the part of a Jupyter message header that forwarding looks at.
type Header struct {
	MsgID    string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Date     string `json:"date"`
	MsgType  string `json:"msg_type"`
	Version  string `json:"version"`
}

// Signer signs and verifies messages with HMAC-SHA256. An empty key means that messages carry no signature, which the
// protocol allows.
type Signer struct{ Key []byte }

func (s Signer) sign(m *Message) string {
	if len(s.Key) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, s.Key)
	for _, part := range [][]byte{m.Header, m.Parent, m.Metadata, m.Content} {
		mac.Write(part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// Parse reads the frames of a message and checks its signature.
func (s Signer) Parse(frames [][]byte) (*Message, error) {
	at := 0
	for at < len(frames) && string(frames[at]) != delimiter {
		at++
	}
	if len(frames) < at+6 {
		return nil, fmt.Errorf("message of %d frames is not a Jupyter message", len(frames))
	}
	m := &Message{
		Identities: frames[:at:at],
		Header:     frames[at+2], Parent: frames[at+3], Metadata: frames[at+4], Content: frames[at+5],
		Buffers: frames[at+6:], signature: bytes.ToLower(frames[at+1]),
	}
	if !hmac.Equal([]byte(s.sign(m)), m.signature) {
		return nil, errors.New("wrong signature")
	}
	return m, nil
}

// Frames is the inverse of Parse.
func (s Signer) Frames(m *Message) [][]byte {
	out := make([][]byte, 0, len(m.Identities)+6+len(m.Buffers))
	out = append(out, m.Identities...)
	out = append(out, []byte(delimiter), []byte(s.sign(m)), m.Header, m.Parent, m.Metadata, m.Content)
	return append(out, m.Buffers...)
}

// DecodeHeader reads a header; GoNB and some clients send {} where there is no parent, which yields the zero header.
func DecodeHeader(raw []byte) (Header, error) {
	var h Header
	fields, err := Fields("header", raw)
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

// NewMessage builds a message of this kernel's own. parent may be nil.
func NewMessage(session, msgType string, parent *Message, content any) *Message {
	h, err := json.Marshal(Header{
		MsgID: NewID(), Session: session, Username: "gantry", Date: time.Now().UTC().Format(time.RFC3339Nano),
		MsgType: msgType, Version: protocolVersion,
	})
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	body, err := json.Marshal(content)
	if err != nil {
		panic(err) // contents are literals of this package
	}
	m := &Message{Header: h, Parent: []byte("{}"), Metadata: []byte("{}"), Content: body}
	if parent != nil {
		m.Parent = parent.Header
	}
	return m
}

// NewReply is NewMessage, addressed to the peer that sent request.
func NewReply(session, msgType string, request *Message, content any) *Message {
	m := NewMessage(session, msgType, request, content)
	m.Identities = request.Identities
	return m
}

// NewID returns a random identifier of at least 128 bits.
func NewID() string { return strings.ToLower(rand.Text()) }
