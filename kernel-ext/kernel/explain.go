package kernel

import (
	"strings"
	"sync"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/failure"
)

// sources are the texts of the latest cells by the engine's numbers, for later errors in what they declare. The zero value is
// ready to use.
type sources struct{ byID sync.Map }

func (s *sources) remember(id int, source *failure.Source) {
	const most = 1000
	s.byID.Store(id, source)
	s.byID.Delete(id - most)
}

func (s *sources) find(id int) *failure.Source {
	source, _ := s.byID.Load(id)
	found, _ := source.(*failure.Source)
	return found
}

// source is the cell's text, as a person wrote it and as far as is known what the engine gets.
func (c *cell) source() *failure.Source {
	s := &failure.Source{Number: c.number, Shown: strings.Split(c.code, "\n")}
	if c.read != nil {
		s.Lines, s.Wraps = c.read.Lines, c.read.Wraps
	}
	return s
}

// report is what is known for explaining the failure of a cell.
func (p *proxy) report(c *cell) *failure.Report {
	r := &failure.Report{Cell: c.source(), Find: p.sources.find, Dir: p.engine.dir}
	if c.program != nil {
		r.File, r.Lines, r.Test = c.program.File, c.program.Lines, c.program.File == "main_test.go"
	}
	return r
}

// explain publishes the last of what a cell has printed and says why it failed: nil if it did not.
func (p *proxy) explain(c *cell) *failure.Failure {
	if c.done.Failure == wire.Rejected { // the file is no longer the one that the last program was built from
		p.output.annotateBy(nil)
	}
	said := p.output.end(c.isFailed())
	if !c.isFailed() {
		return nil
	}
	r, done := p.report(c), c.done
	var f failure.Failure
	switch {
	case done.Stopped:
		f = r.Interrupted(done.Line, c.endedInOrder())
	case c.read != nil && len(c.read.Problems) > 0:
		f = r.Wrong(c.read.Problems)
	case c.err != nil:
		f = failure.Failure{Name: "ERROR", Value: c.err.Error(), Trace: []string{}}
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
