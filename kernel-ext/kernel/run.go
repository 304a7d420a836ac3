package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gantry.local/kernel-ext/analysis"
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
	end := p.throughEngine(c, plan, tell)
	if end.dead {
		return nil // the kernel is conclusion
	}
	failed := p.explain(c, end)
	reply := map[string]any{"status": "ok", "user_expressions": map[string]any{}}
	if failed != nil {
		reply = failed.Content()
		tell("error", map[string]any{"ename": reply["ename"], "evalue": reply["evalue"], "traceback": reply["traceback"]})
	}
	if plan.timed {
		tell("stream", map[string]string{"name": "stdout", "text": timing(time.Since(started), c, end.done)})
	}
	if data := p.takeValue(end.read); data != nil && failed == nil && !c.silent {
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

// conclusion is how a cell ended.
type conclusion struct {
	done wire.Done      // what the engine said last; nothing failed where it has run nothing
	why  error          // what this kernel does itself failed
	read *analysis.Cell // the cell's program; nil: there was none, or one that GoNB alone has read
	dead bool           // the kernel is conclusion
}

var errStopping = errors.New("the cell was interrupted")

// throughEngine does what this kernel does itself for a cell, has the engine carry out its commands, then read, build and run its
// program. All of the cell's output has been published when it returns.
func (p *proxy) throughEngine(c *cell, plan *agenda, tell func(msgType string, content any)) (end conclusion) {
	defer c.happens(ends)
	end.done.Line = -1
	if end.why = plan.perform(c, tell); end.why != nil {
		return end
	}
	if plan.commands != "" {
		p.inEngine(c, &end, wire.Cell{Code: plan.commands}, nil)
		if end.dead || end.done.Stopped || end.done.Failure != "" || end.why != nil {
			return end
		}
	}
	if !plan.text.HasGo() {
		return end
	}
	c.happens(begins)
	program, next := wire.Cell{Code: strings.Join(plan.text.Lines, "\n")}, ""
	if !p.values.off {
		read, err := p.values.notebook(p.engine, p.earlier.Load(), p.serial+1).Read(c.ctx, plan.text, c.number)
		if c.ctx.Err() != nil {
			end.done.Stopped = true
			return end
		}
		if err != nil && !errors.Is(err, analysis.ErrUnread) {
			end.why = fmt.Errorf("the cell cannot be read: %w", err)
			return end
		}
		if end.read = read; read != nil {
			if len(read.Problems) > 0 {
				return end
			}
			program = wire.Cell{Code: read.Code, Forget: read.Forget, Leave: read.Leave, Revert: read.Revert}
			program.Env, next = p.values.environment()
			if len(read.Values) > 0 {
				program.Keeps = filepath.Join(p.values.dir, next)
			}
		}
	}
	beside := ""
	if end.read != nil {
		beside = end.read.Beside
	}
	if end.why = p.engine.layBeside(beside); end.why != nil {
		return end
	}
	p.inEngine(c, &end, program, end.read)
	if end.dead || end.why != nil || end.done.Failure != "" || end.read == nil {
		return end
	}
	dropped, err := p.values.adopt(next, end.read, c.number)
	if err != nil {
		end.why = fmt.Errorf("the variables are as before this cell: %w", err)
	}
	if len(dropped) > 0 {
		text := fmt.Sprintf("gantry: %s: gone, for %s has another shape now\n", strings.Join(dropped, ", "), strings.Join(end.read.Changed, ", "))
		p.output.write("stderr", []byte(text))
	}
	return end
}

// inEngine has the engine run something of a cell, to its end. read is what is known of it; nil: it is the cell's text.
func (p *proxy) inEngine(c *cell, end *conclusion, run wire.Cell, read *analysis.Cell) {
	err := c.unlessStopping(func() error {
		p.serial++
		run.ID, run.AllowStdin = p.serial, c.allowStdin
		c.id.Store(int64(p.serial))
		p.remember(p.serial, c, read)
		p.output.keepEnd(strings.Contains(run.Code, "%test"))
		return p.engine.Run(run)
	})
	switch err {
	case nil:
	case errStopping:
		end.done.Stopped = true
		return
	default:
		end.dead = true
		return
	}
	select {
	case end.done = <-c.done:
	case <-p.engine.Exited:
		end.dead = true
		return
	case <-p.done:
		end.dead = true
		return
	}
	if end.done.PID != 0 {
		p.hearOut(c, end.done.PID)
	}
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
func (p *proxy) remember(id int, c *cell, read *analysis.Cell) {
	const most = 1000
	p.sources.mu.Lock()
	defer p.sources.mu.Unlock()
	if p.sources.byID == nil {
		p.sources.byID = map[int]*failure.Source{}
	}
	p.sources.byID[id] = newSource(c, read)
	delete(p.sources.byID, id-most)
}

func newSource(c *cell, read *analysis.Cell) *failure.Source {
	s := &failure.Source{Number: c.number, Shown: strings.Split(c.code, "\n")}
	if read != nil {
		s.Lines, s.Wraps = read.Lines, read.Wraps
	}
	return s
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
	r := &failure.Report{Cell: newSource(c, nil), Find: p.sources.find, Dir: p.engine.dir}
	if c.program != nil {
		r.File, r.Lines, r.Test = c.program.File, c.program.Lines, c.program.File == "main_test.go"
	}
	return r
}

// explain publishes the last of what a cell has printed and says why it failed: nil if it did not.
func (p *proxy) explain(c *cell, end conclusion) *failure.Failure {
	done, why := end.done, end.why
	wrong := end.read != nil && len(end.read.Problems) > 0
	failed := done.Stopped || done.Failure != "" || why != nil || wrong
	said := p.output.end(failed)
	if !failed {
		return nil
	}
	r := p.report(c)
	var f failure.Failure
	switch {
	case done.Stopped:
		f = r.Interrupted(done.Line, done.PID != 0 && done.Failure == "" && end.read != nil)
	case wrong:
		f = r.Wrong(end.read.Problems)
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
