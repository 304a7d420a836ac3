package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/common"
	"github.com/janpfeifer/gonb/engine/wire"
	"github.com/janpfeifer/gonb/internal/goexec"
	"github.com/janpfeifer/gonb/internal/specialcmd"
)

// runCells runs one cell after the other.
func (e *engine) runCells() {
	for r := range e.cells {
		err := r.all()
		e.current.over(r.left()) // before it is told: from here on nothing reaches it
		if r.isStopped() {
			r.endRest()
			r.done.Stopped = true
		}
		e.stdout.drain()
		e.stderr.drain()
		switch {
		case err == nil || errors.Is(err, errStopped):
		case errors.Is(err, errFailed):
			r.done.Failure = wire.Exited
			if r.done.Line >= 0 {
				r.done.Failure = wire.Shelled
			}
		case r.done.Failure == "":
			r.done.Failure, r.done.Said = wire.Refused, []wire.Said{{Text: err.Error()}}
		}
		if source := e.state.Source(); source != e.source {
			e.source = source
			e.conn.Send(wire.KindDefinitions, wire.Definitions{Source: source})
		}
		if e.conn.Send(wire.KindDone, r.done) != nil {
			return
		}
	}
}

// all does what a cell says: its commands and shell lines in their order, then its Go code.
func (r *run) all() error {
	e := r.e
	p := &page{e: e, content: map[string]any{"allow_stdin": r.cell.AllowStdin}}
	lines := strings.Split(r.cell.Code, "\n")
	if script, arguments, ok := scriptOf(lines[0]); ok {
		if len(script) == 0 {
			return errors.New(arguments)
		}
		text := strings.Join(lines[1:], "\n") + "\n"
		r.running(0)
		err := r.execute(exec.Command(script[0], script[1:]...), &text)
		if err == nil {
			r.done.Line = -1
		}
		return err
	}
	if special, err := specialcmd.ExecuteSpecialCell(p, e.state, lines); special {
		return err
	}
	skip := common.MakeSet[int]()
	if err := r.commands(p, lines, skip); err != nil {
		e.state.PostExecuteCell()
		return err
	}
	if r.isStopped() || goexec.IsEmptyLines(lines, skip) && !e.state.CellIsTest {
		return nil
	}
	defer e.state.PostExecuteCell()
	return r.goCode(p, lines, skip)
}

// commands carries out the commands and shell lines among lines, and adds them to skip.
func (r *run) commands(p *page, lines []string, skip common.Set[int]) error {
	asks := "" // the command that has the next shell line ask
	for i := 0; i < len(lines); i++ {
		line := goexec.TrimGonbCommentPrefix(lines[i])
		if len(line) < 2 || line[0] != '%' && line[0] != '!' {
			continue
		}
		first, others := i, common.MakeSet[int]()
		command := strings.TrimSuffix(line, `\`)
		skip.Insert(i)
		for strings.HasSuffix(lines[i], `\`) && i+1 < len(lines) {
			i++
			skip.Insert(i)
			command += " " + strings.TrimSuffix(goexec.TrimGonbCommentPrefix(lines[i]), `\`)
		}
		if r.isStopped() {
			return errStopped
		}
		said := strings.TrimLeft(command[1:], " \t")
		switch name, _, _ := strings.Cut(said, " "); {
		case said == "":
		case line[0] == '!':
			if err := r.shell(first, said, asks); err != nil {
				return err
			}
			asks = ""
		case name == "with_inputs" || name == "with_password":
			if !r.cell.AllowStdin {
				return fmt.Errorf("%%%s: this notebook has nobody to ask", name)
			}
			asks = name
		default:
			for l := range lines {
				if l < first || l > i {
					others.Insert(l)
				}
			}
			carryOut := func() error { return specialcmd.Parse(p, r.e.state, true, lines, others) }
			if err := r.builtIn(name, carryOut); err != nil {
				return err
			}
		}
	}
	return nil
}

// builtIn carries out a command of GoNB's, and what belongs to it here. GoNB tracks folders for its gopls, which there is none of
// here; so they are looked for, which takes a while in large ones, when somebody asks for them.
func (r *run) builtIn(name string, carryOut func() error) error {
	switch name {
	case "goworkfix":
		return r.fixWorkspace(carryOut)
	case "track", "untrack":
		if err := r.e.state.AutoTrack(); err != nil {
			return err
		}
	case "reset":
		if err := carryOut(); err != nil {
			return err
		}
		return r.e.pinModule()
	}
	return carryOut()
}

// promptDelay is how long a shell line that asks runs before it is asked for, as in GoNB.
const promptDelay = 200 * time.Millisecond

// shell runs the shell line that begins in a line of the cell.
func (r *run) shell(line int, command, asks string) error {
	dir := ""
	if rest, ok := strings.CutPrefix(command, "*"); ok {
		command, dir = rest, r.e.begin.Dir
	}
	cmd := exec.Command("/bin/bash", "-c", command)
	cmd.Dir = dir
	r.running(line)
	if asks != "" {
		ended := make(chan struct{})
		defer close(ended)
		go r.askOften(asks == "with_password", ended)
	}
	err := r.execute(cmd, nil)
	if err == nil && !r.isStopped() {
		r.done.Line = -1
	}
	return err
}

// askOften wants a line again and again, until the process that gets them has ended.
func (r *run) askOften(password bool, ended <-chan struct{}) {
	for {
		select {
		case <-time.After(promptDelay):
		case <-ended:
			return
		}
		answered := r.nextAnswer()
		if r.ask(" ", password) != nil {
			return
		}
		select {
		case <-answered:
		case <-ended:
			return
		}
	}
}

// running tells that a shell line begins, or a script.
func (r *run) running(line int) {
	r.done.Line = line
	r.e.conn.Send(wire.KindRunning, wire.Running{Cell: r.cell.ID, Shell: line})
}

// goCode builds the program of a cell and runs it.
func (r *run) goCode(p *page, lines []string, skip common.Set[int]) error {
	e, state := r.e, r.e.state
	program := filepath.Join(e.begin.Dir, "program")
	begun := time.Now()
	before := state.Definitions
	cell := goexec.Cell{ID: r.cell.ID, Lines: lines, Skip: skip, Forget: r.cell.Forget, Leave: r.cell.Leave, Methods: r.cell.Methods, Instead: r.cell.Instead}
	places, err := state.Build(p, cell, program, goexec.Tools{Run: r.tool, Go: e.begin.Go, Goimports: e.begin.Goimports})
	r.done.Build = time.Since(begun)
	if r.isStopped() {
		return errStopped
	}
	if err != nil {
		r.complain(err, places)
		return err
	}
	if state.CellIsWasm {
		return state.ExecuteWasm(p)
	}
	arguments := state.Args
	if len(arguments) == 0 && state.CellIsTest {
		arguments = state.DefaultCellTestArgs()
	}
	cmd := exec.Command(program, arguments...)
	pipes, err := r.openPipes(p, program)
	if err != nil {
		return err
	}
	defer pipes.close()
	cmd.Env = append(append(append(os.Environ(), pipes.environment()...), "GANTRY_CLEAR=1"), r.cell.Env...)
	if file := state.CaptureFile; file != nil {
		keep := func(text []byte) { file.Write(text) }
		e.stdout.copyTo(keep)
		e.stderr.copyTo(keep)
		defer e.stdout.copyTo(nil)
		defer e.stderr.copyTo(nil)
	}
	from := make([]wire.Place, len(places))
	for i := range places {
		at := goexec.PlaceOf(i+1, places)
		from[i] = wire.Place{Cell: at.Id, Line: at.Line}
	}
	e.conn.Send(wire.KindRunning, wire.Running{Cell: r.cell.ID, Shell: -1, Lines: from, File: filepath.Base(state.CodePath())})
	err = r.execute(cmd, nil)
	if cmd.Process != nil {
		r.done.PID = cmd.Process.Pid
	}
	if cmd.ProcessState == nil || !cmd.ProcessState.Success() || r.cell.Keeps != "" && !exists(r.cell.Keeps) {
		state.Revert(before, r.cell.Revert)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// complain takes down what was said against a cell.
func (r *run) complain(err error, places []goexec.CellIdAndLine) {
	for _, c := range r.e.state.Complaints(err, places) {
		r.done.Failure = wire.Rejected
		r.done.Said = append(r.done.Said, wire.Said{Text: c.Text, At: wire.Place{Cell: c.At.Id, Line: c.At.Line}, Column: c.Column, Line: c.Line})
	}
}

// scriptOf tells whether a cell is a script, by its first line, and for which program; none comes with a reason.
func scriptOf(first string) (program []string, reason string, is bool) {
	name, arguments, _ := strings.Cut(goexec.TrimGonbCommentPrefix(first), " ")
	words := wordsOf(arguments)
	switch {
	case name == "%%script" && len(words) == 0:
		return nil, "%%script needs the name of a program, as in: %%script python3", true
	case name == "%%script":
		return words, "", true
	case (name == "%%bash" || name == "%%sh") && len(words) > 0:
		return nil, fmt.Sprintf("%s takes no arguments, as in: %%%%script bash -x", name), true
	case name == "%%bash" || name == "%%sh":
		return []string{name[len("%%"):]}, "", true
	}
	return nil, "", false
}

// wordsOf parts a command as GoNB does: at spaces outside of double quotes, in which \ takes the next letter as it is.
func wordsOf(command string) []string {
	var words []string
	var word []byte
	begun, quoted := false, false
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case c == '"':
			begun, quoted = true, !quoted
		case quoted && c == '\\' && i+1 < len(command):
			i++
			c = command[i]
			switch c {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			}
			word = append(word, c)
		case !quoted && (c == ' ' || c == '\t'):
			if begun {
				words = append(words, string(word))
			}
			word, begun = nil, false
		default:
			word, begun = append(word, c), true
		}
	}
	if begun {
		words = append(words, string(word))
	}
	return words
}
