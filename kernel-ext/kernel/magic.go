package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// magicHelp is what %help says about the commands of this kernel; GoNB's own page follows it.
const magicHelp = `## Gantry

Cells are Go as GoNB knows it (below). In addition:

- Statements need no main: those behind a cell's declarations are its body.
- The value of an expression in the last line of main is shown, as in ` + "`%%`" + ` followed by ` + "`len(words)`" + `;
  a semicolon behind it suppresses that. Images are drawn, and a method such as ` + "`HTML() string`" + ` is used.
- ` + "`name?`" + ` on its own: documentation of a name.
- ` + "`%time`" + ` in a cell's first line: how long its build and its run took.
- ` + "`%runs`" + `: the training runs that live outside the cells, ` + "`%doctor`" + `: is everything in place?
- A cell that fails ends the cells that wait behind it.

`

// ownMagics are the commands that this kernel carries out itself.
func ownMagics() []string { return []string{"%doctor", "%help", "%runs", "%time"} }

// gonbMagics are commands of GoNB, for completion.
func gonbMagics() []string {
	return []string{"%%", "%%bash", "%%script", "%%sh", "%%writefile", "%args", "%autoget", "%capture", "%cd", "%env", "%exec",
		"%goflags", "%goworkfix", "%list", "%ls", "%main", "%noautoget", "%remove", "%reset", "%rm", "%test", "%track",
		"%untrack", "%version", "%wasm", "%widgets", "%with_inputs", "%with_password"}
}

// plan is what is to be done for a cell.
type plan struct {
	text    cellText // the cell as GoNB gets it, before its last expression is rewritten
	code    string   // what GoNB gets, line by line that of the cell
	end     string   // and what is to follow it there
	shows   bool     // its last expression is handed to this kernel
	timed   bool     // %time
	payload []map[string]any
	steps   []func(c *cell, tell func(msgType string, content any)) error
}

// plan reads a cell's code. The lines of this kernel's own commands become empty ones, so that GoNB's line numbers
// stay those of the cell.
func (p *proxy) plan(code string) *plan {
	made := &plan{payload: []map[string]any{}}
	if name, ok := question(code); ok {
		made.payload = append(made.payload, map[string]any{"source": "page", "start": 0, "data": p.document(name)})
		made.text = readCell("")
		return made
	}
	t := readCell(code)
	first := true
	for i := range t.lines {
		if t.magic != "" {
			break // all of it is the command's
		}
		name, arguments := t.command(i)
		switch {
		case name == "%time" && arguments == "" && first:
			made.timed = true
		case name == "%help" && arguments == "":
			made.steps = append(made.steps, func(_ *cell, tell func(string, any)) error {
				page := magicHelp + p.engine.Ready.Help
				tell("display_data", map[string]any{
					"data": map[string]any{"text/markdown": page, "text/plain": page}, "metadata": map[string]any{},
				})
				return nil
			})
		case (name == "%runs" || name == "%doctor") && arguments == "":
			made.steps = append(made.steps, p.ownCommand(strings.TrimPrefix(name, "%")))
		default:
			first = first && strings.TrimSpace(t.lines[i]) == ""
			if !t.empty[i] { // GoNB dies of a command that says nothing
				continue
			}
		}
		first = false
		t.lines[i] = ""
		delete(t.special, i)
	}
	made.text = t
	made.code, made.shows = showLast(t, p.memory.isType)
	if t.bare.line >= 0 && parses(t) {
		lines := strings.Split(made.code, "\n")
		line := &lines[t.bare.line]
		*line = (*line)[:t.bare.column] + mainBegin + (*line)[t.bare.column:]
		made.code, made.end = strings.Join(lines, "\n"), mainEnd
	}
	return made
}

// parses tells whether the cell is Go.
func parses(t cellText) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", t.program("package main"), parser.SkipObjectResolution)
	return err == nil
}

// perform takes the steps of a plan until one fails.
func (m *plan) perform(c *cell, tell func(msgType string, content any)) error {
	for _, step := range m.steps {
		if err := step(c, tell); err != nil {
			return err
		}
	}
	return nil
}

// ownCommand runs a subcommand of gantry and shows what it writes, as it writes it.
func (p *proxy) ownCommand(name string) func(*cell, func(string, any)) error {
	return func(c *cell, _ func(string, any)) error {
		executable := p.gantry
		if executable == "" {
			var err error
			if executable, err = os.Executable(); err != nil {
				return err
			}
		}
		var wrong bytes.Buffer
		command := exec.CommandContext(c.ctx, executable, name)
		command.Dir = p.project
		command.Stdout, command.Stderr = printer{&p.output}, &wrong
		killsGroup(command)
		err := command.Run()
		if c.ctx.Err() != nil {
			return fmt.Errorf("gantry %s was interrupted", name)
		}
		if err != nil {
			if text := strings.TrimSpace(wrong.String()); text != "" {
				return errors.New(text)
			}
			return fmt.Errorf("gantry %s: %w", name, err)
		}
		return nil
	}
}

// printer writes to the standard output of the cell that runs.
type printer struct{ to *output }

// Write implements io.Writer.
func (w printer) Write(text []byte) (int, error) {
	w.to.write("stdout", text)
	return len(text), nil
}

var questionPattern = regexp.MustCompile(`^\s*(?:\?{1,2}\s*([\pL_][\pL\pN_.]*)?|([\pL_][\pL\pN_.]*)\s*\?{1,2})\s*$`)

// question tells whether a cell asks for documentation, as in name? or ?name, and for which name; a ? alone asks for
// the help page.
func question(code string) (name string, ok bool) {
	found := questionPattern.FindStringSubmatch(code)
	if found == nil {
		return "", false
	}
	return found[1] + found[2], true
}

// document returns the documentation of a name, of the cells or of a package.
func (p *proxy) document(name string) map[string]any {
	if name == "" {
		return map[string]any{"text/plain": magicHelp + p.engine.Ready.Help, "text/markdown": magicHelp + p.engine.Ready.Help}
	}
	code := "%%\n" + name
	if data := p.inspect(code, len([]rune(code))); len(data) > 0 {
		return data
	}
	return map[string]any{"text/plain": fmt.Sprintf("Nothing is known about %s.", name)}
}
