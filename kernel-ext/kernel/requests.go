package kernel

import (
	"encoding/json"
	"errors"
	"sync"
)

// request is what is remembered of a front-end's request while GoNB works on it.
type request struct {
	header  []byte // as the front-end wrote it
	control bool   // it came on the control socket, so its reply goes there
	cell    *cell  // of an execute request; nil for others
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

// fillIn adds to an execute request the fields that its sender left to their defaults. Without one of them GoNB panics.
func fillIn(m *message) error {
	var content map[string]json.RawMessage
	if err := json.Unmarshal(m.content, &content); err != nil || content == nil {
		return errors.New("the content of execute_request is not a JSON object")
	}
	missing := false
	for field, value := range map[string]string{
		"code": `""`, "silent": "false", "store_history": "true", "allow_stdin": "true", "stop_on_error": "true",
	} {
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
