package jupyter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// What front-ends send is checked here before anything else looks at it. A header goes back to all front-ends as the
// parent of what follows, and GoNB ends at a message that is not as it expects.

const (
	longestHeader = 64 << 10
	deepestHeader = 16 // Python's reader of JSON, which meets it as a parent header, ends at some hundred
)

// readHeader reads the header of a front-end's message.
func readHeader(raw []byte) (Header, error) {
	if len(raw) > longestHeader {
		return Header{}, fmt.Errorf("its header has %d bytes", len(raw))
	}
	h, err := DecodeHeader(raw)
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

// Fields reads a part of a message, which must be a JSON object of valid UTF-8. Of equal names the last counts, and names
// differ by case, as in Python and JavaScript and unlike for Go's structs.
func Fields(part string, raw []byte) (map[string]json.RawMessage, error) {
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

// CheckParts checks the parts of a message behind its header. Null for a parent header or for metadata is as good as {}.
func CheckParts(m *Message) error {
	for _, part := range []struct {
		name string
		raw  *[]byte
		null bool
	}{{"parent header", &m.Parent, true}, {"metadata", &m.Metadata, true}, {"content", &m.Content, false}} {
		if part.null && bytes.Equal(bytes.TrimSpace(*part.raw), []byte("null")) {
			*part.raw = []byte("{}")
		}
		if _, err := Fields(part.name, *part.raw); err != nil {
			return err
		}
	}
	return nil
}
