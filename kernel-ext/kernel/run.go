package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/failure"
	"gantry.local/kernel-ext/jupyter"
)

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

// runCell takes one cell through its life and returns the cells that do not run because it failed: busy and execute_input,
// the kernel's own magics, the engine with what is left, then the value of the last expression, execute_reply and idle.
func (p *proxy) runCell(c *cell) (aborted []*cell) {
	tell := func(msgType string, content any) {
		p.publish(jupyter.NewMessage(p.session, msgType, c.message, content))
	}
	c.happens(begins)
	tell("status", map[string]string{"execution_state": "busy"})
	defer tell("status", map[string]string{"execution_state": "idle"})
	if c.storeHistory {
		p.count++
		c.number = p.count
		p.history.Input(p.count, c.code)
	}
	if !c.silent {
		tell("execute_input", map[string]any{"code": c.code, "execution_count": p.count})
	}

	p.output.begin(c.message)
	p.warn()
	plan := p.plan(c.code)
	started := time.Now()
	done, why, alive := p.throughEngine(c, plan, tell)
	if !alive {
		return nil // the kernel is ending
	}
	failed := p.explain(c, plan, done, why)
	reply := map[string]any{"status": "ok", "user_expressions": map[string]any{}}
	if failed != nil {
		reply = failed.Content()
		tell("error", map[string]any{"ename": reply["ename"], "evalue": reply["evalue"], "traceback": reply["traceback"]})
	}
	if plan.timed {
		tell("stream", map[string]string{"name": "stdout", "text": timing(time.Since(started), c, done)})
	}
	if data := p.takeValue(plan); data != nil && failed == nil && !c.silent {
		tell("execute_result", map[string]any{"execution_count": p.count, "data": data, "metadata": map[string]any{}})
		if c.storeHistory {
			p.history.Output(p.count, data["text/plain"])
		}
	}
	reply["execution_count"] = p.count
	reply["payload"] = plan.payload
	if failed != nil && c.stopOnError {
		aborted = p.cells.drop() // whoever has the reply may send the next cell
	}
	p.reply(c.channel, jupyter.NewReply(p.session, "execute_reply", c.message, reply))
	return aborted
}

var (
	errStopping = errors.New("the cell was interrupted")
	errNothing  = errors.New("nothing of the cell is left for the engine")
)

// throughEngine does what this kernel does itself for a cell, then has the engine run the rest. It returns what the engine
// says last, once all of the cell's output has been published, and why the kernel's own part failed; alive is false when
// the kernel is ending.
func (p *proxy) throughEngine(c *cell, plan *agenda, tell func(msgType string, content any)) (done wire.Done, why error, alive bool) {
	defer c.happens(ends)
	done = wire.Done{Line: -1}
	why = plan.perform(c, tell)
	err := c.unlessStopping(func() error {
		if why != nil || strings.TrimSpace(plan.code) == "" {
			return errNothing
		}
		if err := p.offerValue(plan); err != nil {
			p.log.Printf("the value of a cell's last expression will not be seen: %v", err)
		}
		p.serial++
		c.id.Store(int64(p.serial))
		p.remember(p.serial, c)
		p.output.keepEnd(plan.text.Has("%test"))
		return p.engine.Run(wire.Cell{ID: p.serial, Code: plan.code + plan.end, AllowStdin: c.allowStdin})
	})
	switch err {
	case nil:
	case errStopping:
		done.Stopped = true
		return done, nil, true
	case errNothing:
		return done, why, true
	default: // the engine is gone
		return done, nil, false
	}
	select {
	case done = <-c.done:
	case <-p.engine.Exited:
		return done, nil, false
	case <-p.done:
		return done, nil, false
	}
	p.withdrawValue(plan)
	if done.PID != 0 {
		p.hearOut(c, done.PID)
	}
	return done, nil, true
}

// partingPatience is how long what an ended program has sent last over the channel may take to arrive; then the cell ends.
const partingPatience = time.Second

// hearOut waits until all that a program that has ended has said over the channel is published.
func (p *proxy) hearOut(c *cell, pid int) {
	heard := make(chan struct{})
	go func() {
		p.hub.HearOut(pid)
		close(heard)
	}()
	select {
	case <-heard:
	case <-c.ctx.Done():
	case <-time.After(partingPatience):
	}
}

// remember remembers a cell's text, for later errors in what it declares.
func (p *proxy) remember(id int, c *cell) {
	const most = 1000
	p.sources.mu.Lock()
	defer p.sources.mu.Unlock()
	if p.sources.byID == nil {
		p.sources.byID = map[int]*failure.Source{}
	}
	p.sources.byID[id] = newSource(c)
	delete(p.sources.byID, id-most)
}

func newSource(c *cell) *failure.Source {
	return &failure.Source{Number: c.number, Shown: strings.Split(c.code, "\n")}
}

// sources are the texts of the cells run so far, by the engine's numbers.
type sources struct {
	mu   sync.Mutex
	byID map[int]*failure.Source
}

func (s *sources) find(id int) *failure.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// report is what is known for explaining the failure of a cell.
func (p *proxy) report(c *cell) *failure.Report {
	r := &failure.Report{Cell: newSource(c), Find: p.sources.find, Dir: p.engine.dir}
	if c.program != nil {
		r.File, r.Lines, r.Test = c.program.File, c.program.Lines, c.program.File == "main_test.go"
	}
	return r
}

// explain publishes the last of what a cell has printed and says why it failed: nil if it did not.
func (p *proxy) explain(c *cell, plan *agenda, done wire.Done, why error) *failure.Failure {
	failed := done.Stopped || done.Failure != "" || why != nil
	said := p.output.end(failed)
	if !failed {
		return nil
	}
	r := p.report(c)
	var f failure.Failure
	switch {
	case done.Stopped:
		f = r.Interrupted(done.Line)
	case why != nil:
		f = failure.Failure{Name: "ERROR", Value: why.Error(), Trace: []string{}}
	case done.Failure == wire.Shelled:
		f = r.Shell(done.Line, done.Words)
	case done.Failure == wire.Exited && said.panic != "":
		f = r.Panicked(said.panic)
	case done.Failure == wire.Exited && said.released != "" && done.Status == 2:
		f = r.Panicked(said.released)
	case done.Failure == wire.Exited:
		f = r.Exited(done.Words, said.lastLine, said.stdout)
	default:
		f = r.Rejected(done.Said)
	}
	return &f
}

// timing says how long a cell took: its build and the run of its program.
func timing(total time.Duration, c *cell, done wire.Done) string {
	if c.program == nil {
		return fmt.Sprintf("time: %.2f s, nothing built\n", total.Seconds())
	}
	return fmt.Sprintf("time: build %.2f s, run %.2f s, together %.2f s\n",
		done.Build.Seconds(), max(0, total-done.Build).Seconds(), total.Seconds())
}
