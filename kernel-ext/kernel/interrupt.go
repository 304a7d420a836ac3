package kernel

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// toolPatience is how long the tools of a build may take to stop by themselves, which removes their temporary files.
	toolPatience = 300 * time.Millisecond
	// programPatience is how long an interrupted program may take to end in order.
	programPatience = 3 * time.Second
)

// course is what happens to a cell while it is in GoNB.
type course struct {
	number int    // as the front-end shows it; 0: it is not counted
	sent   string // the code as GoNB got it, line by line that of the cell

	since      atomic.Uint64 // startTime, before its first process; 0: it has not begun
	interrupts atomic.Int32
	stopped    chan struct{} // closed when an interrupt has done its work

	displays atomic.Pointer[displays] // of its program; nil before that begins

	mu    sync.Mutex
	exits []string // how its shell lines, or its program, failed, in GoNB's words
}

func (c *course) start() startTime { return startTime(c.since.Load()) }

func (c *course) exit(words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exits = append(c.exits, words)
}

// failures returns what exit was told.
func (c *course) failures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exits
}

// interrupt stops the cell that runs: its build and its shell lines at once, its program in order if it ends within
// programPatience. A second interrupt waits no longer. GoNB is not told, for it would pass the signal on once more;
// that nothing of the cell is started any more is the work of the scripts.
func (p *proxy) interrupt() {
	c := p.cells.running()
	if c == nil {
		return
	}
	first := c.course.interrupts.Add(1) == 1
	p.cells.interrupt()
	p.halt()
	if first {
		go p.stopCell(c)
	}
}

// stopCell signals the processes of a cell until the cell has ended, then kills what it left in the background. The cell
// counts as over only then, so that no process of the next one is taken for its own.
func (p *proxy) stopCell(c *cell) {
	defer close(c.course.stopped)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	told := map[int]bool{}
	for first := true; ; first = false {
		waited := time.Since(began)
		for _, m := range p.gonb.processes(c.course.start()) {
			switch {
			case waited > programPatience || c.course.interrupts.Load() > 1:
				m.kill()
			case !told[m.pid] && first:
				m.interrupt()
			case !told[m.pid] && !m.programs: // started meanwhile, and not by a program in order to end well
				m.kill()
			case waited > toolPatience && isTool(m.name):
				m.kill()
			}
			told[m.pid] = true
		}
		select {
		case <-p.done:
			return
		case <-tick.C:
			continue
		case <-c.idle:
		}
		for left := p.gonb.processes(c.course.start()); len(left) > 0; left = p.gonb.processes(c.course.start()) {
			for _, m := range left {
				m.kill()
			}
			if time.Since(began) > 2*programPatience { // stuck in the operating system
				return
			}
			<-tick.C
		}
		return
	}
}

// isTool tells whether a process builds, by its name.
func isTool(name string) bool {
	switch name {
	case "go", "goimports", "compile", "link", "asm", "cgo", "vet", "gcc", "cc1", "as", "ld", "collect2", "clang":
		return true
	}
	return false
}

// member is a process of a cell.
type member struct {
	pid, parent int
	name        string
	start       startTime
	programs    bool // the program of a cell has started it
}

// processes returns the living processes that GoNB has started since then, as long as they have not left its session.
// gopls and what it runs belong to no cell.
func (g *gonb) processes(since startTime) []member {
	if since == 0 {
		return nil
	}
	all := sessionMembers(g.pid)
	byID := map[int]member{}
	for _, m := range all {
		byID[m.pid] = m
	}
	var found []member
	for _, m := range all {
		foreign := false
		for at, ok := m, true; ok && at.pid != g.pid; at, ok = byID[at.parent] {
			foreign = foreign || at.name == "gopls"
			m.programs = m.programs || at.pid != m.pid && at.name == filepath.Base(program(""))
		}
		if m.pid != g.pid && m.start >= since && !foreign {
			found = append(found, m)
		}
	}
	return found
}
