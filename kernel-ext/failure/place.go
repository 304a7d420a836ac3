package failure

import (
	"fmt"
	"strings"

	"gantry.local/kernel-ext/engine/wire"
)

// Source is the text of a cell that was run.
type Source struct {
	Number int      // as the front-end shows it; 0: it is not counted
	Shown  []string // as the user wrote it, line by line
	Wraps  bool     // its statements are a function literal in main
	Lines  []int    // for each line that the engine got, from 0, the one of Shown; -1: none; nil: the same
}

// line is the line of Shown that a line that the engine got comes from, or that before it; negative: there is none.
func (s *Source) line(got int) int {
	if s.Lines == nil {
		return got
	}
	for got = min(got, len(s.Lines)-1); got >= 0; got-- {
		if line := s.Lines[got]; line >= 0 {
			return line
		}
	}
	return -1
}

// Report explains the failure of one cell.
type Report struct {
	Cell  *Source                // that failed
	Find  func(cell int) *Source // the cell that package wire names so; nil: it is not known
	Dir   string                 // the folder of programs
	File  string                 // of the cell's program; empty: there is none
	Lines []wire.Place           // where each line of File comes from
	Test  bool                   // it ran tests
}

// locate finds the line of a cell that became a line of the program's file, counted from 1.
func (r *Report) locate(line int) spot {
	if line < 1 || len(r.Lines) == 0 {
		return spot{}
	}
	return r.at(r.Lines[min(line, len(r.Lines))-1])
}

func (r *Report) at(p wire.Place) spot {
	source := r.Find(p.Cell)
	if source == nil || p.Line < 0 {
		return spot{}
	}
	line := source.line(p.Line)
	if line < 0 || line >= len(source.Shown) {
		return spot{}
	}
	for line > 0 && strings.TrimSpace(source.Shown[line]) == "" { // such as the end of a cell that lacks a brace
		line--
	}
	return spot{source: source, line: line}
}

// here is a line of the failing cell, from 0.
func (r *Report) here(line int) spot {
	return spot{source: r.Cell, line: max(0, min(line, len(r.Cell.Shown)-1))}
}

// numbered names the failing cell, if it has a number.
func (r *Report) numbered() []string {
	if r.Cell.Number == 0 {
		return nil
	}
	return []string{fmt.Sprintf("cell [%d]", r.Cell.Number)}
}

// spot is a line of a cell.
type spot struct {
	source *Source
	line   int // from 0
	column int // from 1; 0: not known
}

// String names the cell and the line.
func (at spot) String() string {
	if at.source == nil {
		return "this cell"
	}
	if at.source.Number == 0 {
		return fmt.Sprintf("this cell, line %d", at.line+1)
	}
	return fmt.Sprintf("cell [%d], line %d", at.source.Number, at.line+1)
}

// excerpt shows the line, those around it, and where in it.
func (at spot) excerpt(around int) []string {
	if at.source == nil {
		return nil
	}
	var out []string
	for i := max(0, at.line-around); i <= min(at.line+around, len(at.source.Shown)-1); i++ {
		text := strings.ReplaceAll(at.source.Shown[i], "\t", "    ")
		if i != at.line {
			if strings.TrimSpace(text) != "" {
				out = append(out, dim(fmt.Sprintf("   %4d │ %s", i+1, text)))
			}
			continue
		}
		out = append(out, fmt.Sprintf("-> %4d │ %s", i+1, text))
		if at.column > 0 && at.column <= len(at.source.Shown[i])+1 {
			before := strings.ReplaceAll(at.source.Shown[i][:at.column-1], "\t", "    ")
			out = append(out, "        │ "+strings.Repeat(" ", len([]rune(before)))+red("^"))
		}
	}
	return out
}
