package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/value"
)

// conclude waits for the end of a cell, takes its variables and its value, and replies. When it failed, cells that have arrived
// before that are answered as aborted, as their sender asked with stop_on_error.
func (p *proxy) conclude(c *cell) {
	defer c.cancel()
	if c.await() && !c.dead {
		p.hearOut(c)
		p.adopt(c)
	}
	c.happens(ends)
	if c.dead {
		p.cells.drop() // nobody can run them
		p.status(c.message, "idle")
		return
	}
	reply := map[string]any{"status": "ok", "user_expressions": map[string]any{}}
	failed := p.explain(c)
	if failed != nil {
		reply = failed.Content()
		p.tell(c.message, "error", map[string]any{"ename": reply["ename"], "evalue": reply["evalue"], "traceback": reply["traceback"]})
	}
	if c.timed {
		p.tell(c.message, "stream", map[string]string{"name": "stdout", "text": c.timing()})
	}
	if data := p.takeValue(c); data != nil && failed == nil && !c.silent {
		p.tell(c.message, "execute_result", map[string]any{"execution_count": p.count, "data": data, "metadata": map[string]any{}})
		if c.storeHistory {
			p.history.Output(p.count, data["text/plain"])
		}
	}
	reply["execution_count"], reply["payload"] = p.count, c.payload
	var aborted []*cell
	if failed != nil && c.stopOnError {
		aborted = p.cells.drop() // whoever has the reply may send the next cell
	}
	p.reply(c.channel, jupyter.NewReply(p.session, "execute_reply", c.message, reply))
	p.status(c.message, "idle")
	for _, waiting := range aborted {
		waiting.cancel()
		p.answer(waiting.channel, waiting.message, "execute_reply", func() any {
			return map[string]any{"status": "aborted", "execution_count": p.count}
		})
	}
}

// partingPatience is how long what an ended program has sent last over the channel may take to arrive; then the cell ends.
const partingPatience = time.Second

// hearOut waits until all that the cell's program, if there was one, has said over the channel is published.
func (p *proxy) hearOut(c *cell) {
	if c.done.PID != 0 {
		ctx, cancel := context.WithTimeout(c.ctx, partingPatience)
		defer cancel()
		p.hub.HearOut(ctx, c.done.PID)
	}
}

// adopt makes the variables that the cell's program has left what holds, if it ended well.
func (p *proxy) adopt(c *cell) {
	if !c.endedInOrder() {
		return
	}
	dropped, err := p.values.adopt(c.next, c.read, c.number)
	if err != nil {
		c.err = fmt.Errorf("the variables are as before this cell: %w", err)
	}
	if len(dropped) > 0 {
		text := fmt.Sprintf("gantry: %s: gone, for %s has another shape now\n", strings.Join(dropped, ", "), strings.Join(c.read.Changed, ", "))
		p.output.write("stderr", []byte(text))
	}
}

// timing says how long the cell took: its build and the run of its program.
func (c *cell) timing() string {
	total := time.Since(c.begun)
	if c.program == nil {
		return fmt.Sprintf("time: %.2f s, nothing built\n", total.Seconds())
	}
	return fmt.Sprintf("time: build %.2f s, run %.2f s, together %.2f s\n",
		c.done.Build.Seconds(), max(0, total-c.done.Build).Seconds(), total.Seconds())
}

// takeValue returns what the cell's program has left of the value of its last expression, as a MIME bundle, or nil.
func (p *proxy) takeValue(c *cell) map[string]any {
	if c.read == nil || !c.read.Shows {
		return nil
	}
	path := filepath.Join(p.engine.dir, value.File)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // no value
	}
	if err := os.Remove(path); err != nil {
		p.log.Printf("value of a cell: %v", err)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		p.log.Printf("value of a cell: %v", err)
		return nil
	}
	return data
}
