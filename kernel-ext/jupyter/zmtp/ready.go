package zmtp

import (
	"encoding/binary"
	"strings"
)

const (
	socketType     = "Socket-Type"
	identityOf     = "Identity"
	mostProperties = 64
	nameLength     = 1 // bytes of the length of a name
	valueLength    = 4 // and of a value
)

// metadata is the body of READY.
func metadata(kind Kind, identity string) []byte {
	body := property(nil, socketType, string(kind))
	if kind == Router || kind == Dealer || kind == Req {
		body = property(body, identityOf, identity)
	}
	return body
}

func property(body []byte, name, value string) []byte {
	body = append(append(body, byte(len(name))), name...)
	return append(binary.BigEndian.AppendUint32(body, uint32(len(value))), value...)
}

// readMetadata reads the body of a peer's READY, a list of named properties. Names are the same in any case; of those that
// come twice the first counts. Others than the two that matter here are passed over.
func (c *Conn) readMetadata(body []byte) error {
	seen := map[string]bool{}
	for count := 1; len(body) > 0; count++ {
		if count > mostProperties {
			return broken("more than %d properties", mostProperties)
		}
		name, rest, err := take(body, uint64(body[0]), nameLength)
		if err != nil || len(name) == 0 {
			return broken("a property's name is cut off or empty")
		}
		if len(rest) < valueLength {
			return broken("the property %q has no value", name)
		}
		value, rest, err := take(rest, uint64(binary.BigEndian.Uint32(rest)), valueLength)
		if err != nil {
			return broken("the value of the property %q is cut off", name)
		}
		body = rest
		lower := strings.ToLower(string(name))
		if seen[lower] {
			continue
		}
		seen[lower] = true
		switch lower {
		case strings.ToLower(socketType):
			c.Peer = Kind(value)
		case strings.ToLower(identityOf):
			if len(value) > longestIdentity || len(value) > 0 && value[0] == 0 {
				return broken("an identity of %d bytes, or one that begins with zero, which is a router's own", len(value))
			}
			c.Identity = string(value)
		}
	}
	if c.Peer == "" {
		return broken("the peer does not say what kind of socket it is")
	}
	return nil
}

// take cuts size bytes out of b, behind the header that holds their number.
func take(b []byte, size uint64, header int) (taken, rest []byte, err error) {
	if uint64(len(b)-header) < size {
		return nil, nil, ErrProtocol
	}
	return b[header : header+int(size)], b[header+int(size):], nil
}
