package kernel

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"gantry.local/kernel-ext/analysis"
	"gantry.local/kernel-ext/engine/wire"
)

// build has a cell's Go read, unless GoNB alone reads it, and the engine build and run the program that it becomes.
func (p *proxy) build(c *cell) {
	if c.await(); c.isFailed() || !c.text.HasGo() {
		p.conclude(c)
		return
	}
	c.happens(begins)
	var program wire.Cell
	if program, c.err = p.write(c); !c.isFailed() {
		p.start(c, program)
	}
	p.conclude(c)
}

// write makes of a cell what the engine gets, and lays the file beside its program.
func (p *proxy) write(c *cell) (wire.Cell, error) {
	alone := wire.Cell{Code: strings.Join(c.text.Lines, "\n")}
	if p.values.off {
		return alone, p.engine.layBeside("")
	}
	read, err := p.values.notebook(p.engine, p.earlier.Load(), p.serial+1).Read(c.ctx, c.text, c.number)
	switch {
	case c.ctx.Err() != nil:
		c.done.Stopped = true
		return alone, nil
	case errors.Is(err, analysis.ErrUnread):
		return alone, p.engine.layBeside("")
	case err != nil:
		return alone, fmt.Errorf("the cell cannot be read: %w", err)
	}
	if c.read = read; c.isFailed() {
		return alone, nil
	}
	program := wire.Cell{Code: read.Code, Forget: read.Forget, Leave: read.Leave, Methods: read.Methods, Instead: read.Instead, Revert: read.Revert}
	program.Env, c.next = p.values.environment()
	if len(read.Values) > 0 {
		program.Keeps = filepath.Join(p.values.dir, c.next)
	}
	return program, p.engine.layBeside(read.Beside)
}

// start has the engine run something of a cell, unless that was told to end. Until it has, nobody tells it so.
func (p *proxy) start(c *cell, run wire.Cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == stopping {
		c.done.Stopped = true
		return
	}
	p.serial++
	run.ID, run.AllowStdin = p.serial, c.allowStdin
	c.id.Store(int64(p.serial))
	p.sources.remember(p.serial, c.source())
	p.output.keepEnd(strings.Contains(run.Code, "%test"))
	var err error
	c.ending, err = p.engine.Run(run)
	c.dead = err != nil
}
