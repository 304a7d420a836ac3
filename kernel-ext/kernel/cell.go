package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gantry.local/kernel-ext/analysis"
	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/jupyter"
)

const (
	// toolPatience is how long the tools of a build may take to stop by themselves, which removes their temporary files.
	toolPatience = 300 * time.Millisecond
	// programPatience is how long an interrupted program may take to end in order.
	programPatience = 3 * time.Second
)

// cell is one execute request on its way through the kernel.
type cell struct {
	message *jupyter.Message
	channel string // the socket it came on

	code                                          string
	silent, storeHistory, allowStdin, stopOnError bool

	ctx    context.Context // ends when the cell is interrupted or over
	cancel context.CancelFunc

	number int          // as the front-end shows it; 0: it is not counted. The goroutine that runs cells owns it.
	id     atomic.Int64 // as the engine knows it; 0: it does not

	mu      sync.Mutex
	state   state
	program *wire.Running // once it begins; nil: there is none. The engine's events set it.

	// What has come of it so far. The goroutine that runs cells owns it.
	begun   time.Time
	text    *golang.Text // without what has been carried out of it; nil: not read
	timed   bool         // %time
	payload []map[string]any
	read    *analysis.Cell   // its program; nil: there is none, or one that GoNB alone has read
	next    string           // the manifest of the variables that the program leaves
	ending  <-chan wire.Done // of what the engine runs of it; nil: nothing
	done    wire.Done        // what the engine said last; nothing failed where it has run nothing
	err     error            // what this kernel does itself failed
	dead    bool             // the kernel is ending
}

// newCell reads an execute request; what its sender left out has its default.
func newCell(channel string, m *jupyter.Message) (*cell, error) {
	c := &cell{
		message: m, channel: channel, storeHistory: true, allowStdin: true, stopOnError: true,
		payload: []map[string]any{}, done: wire.Done{Line: -1},
	}
	content, err := jupyter.Fields("content", m.Content)
	if err != nil {
		return nil, err
	}
	for field, to := range map[string]any{
		"code": &c.code, "silent": &c.silent, "store_history": &c.storeHistory, "allow_stdin": &c.allowStdin, "stop_on_error": &c.stopOnError,
	} {
		if value, there := content[field]; there && json.Unmarshal(value, to) != nil {
			return nil, fmt.Errorf("%s of execute_request is not what the protocol has there", field)
		}
	}
	c.storeHistory = c.storeHistory && !c.silent
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// happens moves the cell on and returns what is to be done, and how long to wait before being impatient.
func (c *cell) happens(e event) (do action, patience time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	patience = programPatience
	if c.state == building {
		patience = toolPatience
	}
	c.state, do = next(c.state, e)
	return do, patience
}

// await waits for the end of what the engine runs of the cell. It returns false if that is nothing.
func (c *cell) await() bool {
	if c.ending == nil {
		return false
	}
	done, there := <-c.ending
	c.ending, c.done, c.dead = nil, done, !there
	return true
}

// isFailed tells whether anything about the cell has failed.
func (c *cell) isFailed() bool {
	return c.dead || c.err != nil || c.done.Stopped || c.done.Failure != "" || c.read != nil && len(c.read.Problems) > 0
}

// endedInOrder tells whether the cell's program has run to its end, so that its variables are kept.
func (c *cell) endedInOrder() bool { return c.read != nil && c.done.PID != 0 && c.done.Failure == "" }

// interrupt tells the cell that runs to end: its build and its shell lines at once, its program in order if it ends within
// programPatience. A second interrupt waits no longer. Between two cells there is none.
func (p *proxy) interrupt() {
	if c := p.cells.running(); c != nil {
		p.stop(c, interrupted)
	}
}

func (p *proxy) stop(c *cell, e event) {
	switch do, patience := c.happens(e); do {
	case askToEnd:
		c.cancel()
		p.engine.Interrupt(int(c.id.Load())) // if that fails the engine is gone, and Serve ends
		time.AfterFunc(patience, func() { p.stop(c, impatient) })
	case kill:
		p.engine.Kill(int(c.id.Load()))
	}
}
