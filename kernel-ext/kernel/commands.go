package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/internal/group"
)

// magicHelp is what %help says about the commands of this kernel; GoNB's own page follows it.
const magicHelp = `## Gantry

Cells are Go as GoNB knows it (below). In addition:

- Statements need no main, and declarations and statements come in any order.
- Variables of a cell live on: later cells have them with their values. A cell that fails leaves all of them as they were.
  ` + "`%who`" + ` lists them, ` + "`%rm NAME`" + ` and ` + "`%reset`" + ` forget them, ` + "`%values off`" + ` gives GoNB's own rules back.
- The value of an expression in the last line is shown, or of several, as in ` + "`x, y`" + `; a semicolon behind it suppresses that. Images are drawn, and a method such as
  ` + "`HTML() string`" + ` is used. An error there fails the cell.
- ` + "`must(f())`" + ` gives the value of f, ` + "`check(err)`" + ` nothing, and both fail the cell with an error.
- ` + "`name?`" + ` on its own: documentation of a name.
- ` + "`%time`" + ` in a cell's first line, also in front of a statement: how long its build and its run took.
- ` + "`%runs`" + `: the training runs that live outside the cells, ` + "`%doctor`" + `: is everything in place?
- A cell that fails ends the cells that wait behind it.

`

// helpPage is what %help shows.
func (p *proxy) helpPage() string { return magicHelp + p.engine.Ready.Help }

// carryOut does what a cell asks of this kernel itself, and has the engine begin with what GoNB is to do before anything is built.
// The lines of this kernel's own commands become empty ones, so that line numbers stay those of the cell.
func (p *proxy) carryOut(c *cell) {
	if name, ok := golang.Question(c.code); ok {
		c.payload = append(c.payload, map[string]any{"source": "page", "start": 0, "data": p.document(name)})
		p.conclude(c)
		return
	}
	c.text = golang.Read(c.code)
	if c.err = p.ownCommands(c, c.text); c.err != nil {
		p.conclude(c)
		return
	}
	if commands := c.text.TakeCommands(); commands != "" {
		p.start(c, wire.Cell{Code: commands})
	}
	p.build(c)
}

// ownCommands carries out this kernel's own commands until one fails.
func (p *proxy) ownCommands(c *cell, t *golang.Text) (err error) {
	if t.Magic != "" {
		return nil // all of it is that command's
	}
	first := true
	for i := range t.Lines {
		name, arguments := t.Command(i)
		switch {
		case (name == "%time" || name == "%%time") && first:
			c.timed, first = true, false
			t.Uncover(i)
			continue
		case name == "%help" && arguments == "":
			page := p.helpPage()
			p.tell(c.message, "display_data", map[string]any{
				"data": map[string]any{"text/markdown": page, "text/plain": page}, "metadata": map[string]any{},
			})
		case (name == "%runs" || name == "%doctor") && arguments == "":
			err = p.runOwn(c, strings.TrimPrefix(name, "%"))
		case name == "%who" || name == "%values":
			err = p.valuesCommand(name, arguments)
		case name == "%rm" || name == "%remove" || name == "%reset":
			t.Lines[i] = name + " " + p.called(arguments)
			if err := p.valuesCommand(name, arguments); err != nil {
				return err
			}
			continue
		default:
			first = first && strings.TrimSpace(t.Lines[i]) == ""
			if !t.SaysNothing(i) { // GoNB dies of a command that says nothing
				continue
			}
		}
		if err != nil {
			return err
		}
		first = false
		t.Blank(i)
	}
	return nil
}

// called says names as programs call the variables.
func (p *proxy) called(names string) string {
	words := strings.Fields(names)
	for i, name := range words {
		words[i] = p.earlier.Load().Called(name)
	}
	return strings.Join(words, " ")
}

// valuesCommand carries out the commands about variables.
func (p *proxy) valuesCommand(name, arguments string) error {
	v := p.values
	switch words := strings.Fields(arguments); {
	case name == "%who" && len(words) == 0:
		p.output.write("stdout", []byte(v.table()))
	case name == "%values" && arguments == "on":
		v.off = false
	case name == "%values" && arguments == "off":
		v.off = true
	case name == "%reset":
		return v.forget()
	case name != "%who" && name != "%values" && len(words) > 0:
		return v.forget(words...)
	default:
		return fmt.Errorf("%s %s: say %%who, %%values on, or %%values off", name, arguments)
	}
	return nil
}

// runOwn runs a subcommand of gantry and shows what it writes, as it writes it.
func (p *proxy) runOwn(c *cell, name string) error {
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
	group.Kill(command)
	err := command.Run()
	if c.ctx.Err() != nil {
		return fmt.Errorf("gantry %s was interrupted", name)
	}
	if text := strings.TrimSpace(wrong.String()); err != nil && text != "" {
		return errors.New(text)
	}
	if err != nil {
		return fmt.Errorf("gantry %s: %w", name, err)
	}
	return nil
}

// printer writes to the standard output of the cell that runs.
type printer struct{ to *output }

// Write implements io.Writer.
func (w printer) Write(text []byte) (int, error) {
	w.to.write("stdout", text)
	return len(text), nil
}

// document returns the documentation of a name, of the cells or of a package.
func (p *proxy) document(name string) map[string]any {
	if name == "" {
		return map[string]any{"text/plain": p.helpPage(), "text/markdown": p.helpPage()}
	}
	code := "%%\n" + name
	if data := p.inspect(context.Background(), code, len([]rune(code))); len(data) > 0 {
		return data
	}
	return map[string]any{"text/plain": fmt.Sprintf("Nothing is known about %s.", name)}
}
