package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
)

// request is what is remembered of a front-end's request while GoNB works on it.
type request struct {
	header  []byte             // as the front-end wrote it
	control bool               // it came on the control socket, so its reply goes there
	finish  context.CancelFunc // called when GoNB is done with it; nil: nobody waits for that
}

// requests remembers the latest requests by message id. The zero value is ready to use. Old ones are forgotten, for
// the protocol has no end to what may refer to a request; a message of a forgotten one keeps the parent GoNB gave it.
type requests struct {
	mu    sync.Mutex
	byID  map[string]request
	order []string
}

const rememberedRequests = 10000 // as many as GoNB queues

func (r *requests) add(id string, q request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string]request{}
	}
	if _, known := r.byID[id]; !known {
		r.order = append(r.order, id)
	}
	r.byID[id] = q
	if len(r.order) > rememberedRequests {
		delete(r.byID, r.order[0])
		r.order = r.order[1:]
	}
}

// find returns the request with this message id, or the zero request.
func (r *requests) find(id string) request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// defaults returns the fields that GoNB takes for granted in the content of a request, with the values the protocol
// gives them. Without one of them GoNB panics.
func defaults(msgType string) map[string]string {
	switch msgType {
	case "execute_request":
		return map[string]string{"code": `""`, "silent": "false", "store_history": "true", "allow_stdin": "true"}
	case "inspect_request":
		return map[string]string{"code": `""`, "cursor_pos": "0", "detail_level": "0"}
	case "complete_request":
		return map[string]string{"code": `""`, "cursor_pos": "0"}
	}
	return nil
}

// fillIn adds to a request the fields that its sender left to their defaults.
func fillIn(m *message, msgType string) error {
	var content map[string]json.RawMessage
	if err := json.Unmarshal(m.content, &content); err != nil || content == nil {
		return fmt.Errorf("the content of %s is not a JSON object", msgType)
	}
	missing := false
	for field, value := range defaults(msgType) {
		if _, ok := content[field]; !ok {
			content[field] = json.RawMessage(value)
			missing = true
		}
	}
	if !missing {
		return nil
	}
	text, err := json.Marshal(content)
	m.content = text
	return err
}
