package kernel

import (
	"sync"

	"gantry.local/kernel-ext/jupyter"
)

// forwarded is what is remembered of a front-end's request while GoNB works on it.
type forwarded struct {
	message *jupyter.Message // as the front-end wrote it
	cell    *cell            // of an execute request; nil for others
}

// requests remembers the latest requests by the message id that GoNB knows. The zero value is ready to use. Old ones are forgotten, for
// the protocol has no end to what may refer to a request; a message of a forgotten one keeps the parent GoNB gave it.
type requests struct {
	mu    sync.Mutex
	byID  map[string]forwarded
	order []string
}

const rememberedRequests = 10000 // as many as GoNB queues

func (r *requests) add(id string, q forwarded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string]forwarded{}
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

// find returns the request with this message id, or the zero value.
func (r *requests) find(id string) forwarded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}
