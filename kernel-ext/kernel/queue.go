package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/jupyter"
)

// cell is one execute request on its way through the kernel.
type cell struct {
	message *jupyter.Message
	channel string // the socket it came on

	code                                          string
	text                                          *golang.Text // of what GoNB got, once it has
	silent, storeHistory, allowStdin, stopOnError bool

	ctx    context.Context // ends when the cell is interrupted or over
	cancel context.CancelFunc

	course course // in GoNB

	replied chan *jupyter.Message // GoNB's execute_reply
	idle    chan struct{}         // closed when GoNB has said all about the cell
	over    sync.Once             // closes idle
}

// newCell reads an execute request; what its sender left out has its default.
func newCell(channel string, m *jupyter.Message) (*cell, error) {
	c := &cell{
		message: m, channel: channel, replied: make(chan *jupyter.Message, 1), idle: make(chan struct{}),
		storeHistory: true, allowStdin: true, stopOnError: true,
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
	c.course.stopped = make(chan struct{})
	return c, nil
}

// takes keeps what GoNB says about the course of a cell: this kernel tells the front-ends itself when the cell begins,
// with the code as the user wrote it, and when it is over. It returns false for what is to be published.
func (c *cell) takes(m *jupyter.Message) bool {
	h, err := jupyter.DecodeHeader(m.Header)
	switch {
	case err != nil:
		return false
	case h.MsgType == "execute_input":
		return true
	case h.MsgType != "status":
		return false
	}
	if jupyter.IsIdle(m) {
		c.over.Do(func() { close(c.idle) })
	}
	return true
}

// forGoNB is the content of the request that GoNB is to get, with other code. It panics where a field is missing.
func (c *cell) forGoNB(code string) map[string]any {
	return map[string]any{
		"code": code, "silent": c.silent, "store_history": c.storeHistory, "user_expressions": map[string]any{},
		"allow_stdin": c.allowStdin, "stop_on_error": c.stopOnError,
	}
}

// queue holds the execute requests that wait. GoNB gets one at a time, so that those behind a cell that fails can be
// told that they do not run, and everything else a front-end asks is answered while a cell runs. The zero value is an
// empty queue.
type queue struct {
	mu      sync.Mutex
	waiting []*cell
	current *cell
	wake    chan struct{}
}

// alarm returns the channel that gets a value when a cell was added.
func (q *queue) alarm() chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
	}
	return q.wake
}

func (q *queue) add(c *cell) {
	wake := q.alarm()
	q.mu.Lock()
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
	select {
	case wake <- struct{}{}:
	default:
	}
}

// next makes the first cell that waits the current one and returns it, or nil.
func (q *queue) next() *cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	if len(q.waiting) > 0 {
		q.current, q.waiting = q.waiting[0], q.waiting[1:]
	}
	return q.current
}

// running returns the cell that runs, or nil.
func (q *queue) running() *cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.current
}

// drop empties the queue and returns what was in it.
func (q *queue) drop() []*cell {
	q.mu.Lock()
	defer q.mu.Unlock()
	dropped := q.waiting
	q.waiting = nil
	return dropped
}

// interrupt ends what this kernel does itself for the cell that runs.
func (q *queue) interrupt() {
	if c := q.running(); c != nil {
		c.cancel()
	}
}

// runningCell returns the header of the cell that runs, or {}.
func (p *proxy) runningCell() json.RawMessage {
	if c := p.cells.running(); c != nil {
		return c.message.Header
	}
	return json.RawMessage("{}")
}

// runCells runs one cell after the other until the kernel ends. When one fails, those that had arrived before its reply
// are answered as aborted, as their sender asked with stop_on_error.
func (p *proxy) runCells() {
	if !p.waitReady() {
		return
	}
	wake := p.cells.alarm()
	for {
		for c := p.cells.next(); c != nil; c = p.cells.next() {
			aborted := p.runCell(c)
			c.cancel()
			select {
			case <-p.done:
				return
			default:
			}
			for _, waiting := range aborted {
				p.abort(waiting)
			}
		}
		select {
		case <-wake:
		case <-p.done:
			return
		}
	}
}

// abort answers a cell that is not run.
func (p *proxy) abort(c *cell) {
	c.cancel()
	p.publish(jupyter.NewMessage(p.session, "status", c.message, map[string]string{"execution_state": "busy"}))
	p.reply(c.channel, jupyter.NewReply(p.session, "execute_reply", c.message, map[string]any{
		"status": "aborted", "execution_count": p.count,
	}))
	p.publish(jupyter.NewMessage(p.session, "status", c.message, map[string]string{"execution_state": "idle"}))
}

// runCell takes one cell through its life and returns the cells that do not run because it failed: busy and execute_input, the kernel's own
// magics, GoNB with what is left, then the value of the last expression, execute_reply and idle.
//
// GoNB gets every cell, be it an empty one, because it counts cells too and names them in its errors.
func (p *proxy) runCell(c *cell) (aborted []*cell) {
	tell := func(msgType string, content any) {
		p.publish(jupyter.NewMessage(p.session, msgType, c.message, content))
	}
	tell("status", map[string]string{"execution_state": "busy"})
	defer tell("status", map[string]string{"execution_state": "idle"})
	if c.storeHistory {
		p.count++
		p.history.Input(p.count, c.code)
	}
	if !c.silent {
		tell("execute_input", map[string]any{"code": c.code, "execution_count": p.count})
	}

	p.output.begin(c.message)
	plan := p.plan(c.code)
	failure := plan.perform(c, tell)
	if failure != nil {
		plan.text, plan.code, plan.end = golang.Read(""), "", ""
	}
	started := time.Now()
	reply := p.throughGoNB(c, plan)
	if reply == nil {
		return nil // the kernel is ending
	}
	if failure != nil && reply["status"] == "ok" {
		tell("error", failure)
		reply = failure
		reply["status"] = "error"
	}
	if plan.timed {
		tell("stream", map[string]string{"name": "stdout", "text": p.timing(started)})
	}
	if data := p.takeValue(); data != nil && reply["status"] == "ok" && !c.silent {
		tell("execute_result", map[string]any{"execution_count": p.count, "data": data, "metadata": map[string]any{}})
		if c.storeHistory {
			p.history.Output(p.count, data["text/plain"])
		}
	}
	reply["execution_count"] = p.count
	reply["payload"] = plan.payload
	if reply["status"] != "ok" && c.stopOnError {
		aborted = p.cells.drop() // whoever has the reply may send the next cell
	}
	p.reply(c.channel, jupyter.NewReply(p.session, "execute_reply", c.message, reply))
	if reply["status"] == "ok" || p.built(started) {
		p.earlier.Learn(plan.text)
	}
	return aborted
}

// throughGoNB has GoNB run a cell's code and returns the content of its reply once all of the cell's output is
// published, or nil when the kernel is ending.
func (p *proxy) throughGoNB(c *cell, plan *agenda) map[string]any {
	if plan.shows {
		if err := p.offerValue(); err != nil {
			p.log.Printf("the value of a cell's last expression will not be seen: %v", err)
		}
		defer p.withdrawValue()
	}
	p.begin(c, plan)
	defer func() { c.course.displays.Load().close() }()
	p.handOn(c.message, c, "execute_request", c.forGoNB(p.gonb.scripts.keepPath(throughBash(plan.code+plan.end))))
	var reply *jupyter.Message
	for idle := c.idle; reply == nil || idle != nil; {
		select {
		case reply = <-c.replied:
		case <-idle:
			idle = nil
		case <-p.done:
			return nil
		}
	}
	var content map[string]any
	if err := json.Unmarshal(reply.Content, &content); err != nil || content == nil {
		return map[string]any{"status": "error", "ename": "ERROR", "evalue": "GoNB's reply cannot be read",
			"traceback": []string{}}
	}
	return p.explain(c, content)
}
