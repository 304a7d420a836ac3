package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gantry.local/gan/device"
	"gantry.local/gan/lint"
	"gantry.local/gan/method"
)

// misuse is an error of the person who typed the command, not of its execution.
type misuse struct{ error }

// misusef is fmt.Errorf for a misuse.
func misusef(format string, values ...any) error { return misuse{fmt.Errorf(format, values...)} }

// flagMisuse says what is wrong with a flag in the words of the command line, not of Go's parsers.
func flagMisuse(c *cobra.Command, err error) error {
	var unparsed *pflag.InvalidValueError
	var bare *pflag.ValueRequiredError
	see := fmt.Sprintf("see `%s --help`", c.CommandPath())
	switch {
	case errors.As(err, &unparsed):
		want := map[string]string{
			"int": "a whole number", "int64": "a whole number", "float64": "a number", "bool": "true or false",
			"duration": "a time with its unit, such as 90s or 4m",
		}[unparsed.GetFlag().Value.Type()]
		if errors.Is(err, strconv.ErrRange) {
			want = "a smaller number"
		}
		return misusef("--%s %q: want %s; %s", unparsed.GetFlag().Name, unparsed.GetValue(), want, see)
	case errors.As(err, &bare):
		return misusef("--%s needs a value; %s", bare.GetFlag().Name, see)
	}
	return misusef("%w; %s", err, see)
}

// largest are the largest numbers that flags take by which memory is allocated: a million digits are 3 GB.
func largest() map[string]int {
	return map[string]int{"n": 1_000_000, "samples": 1_000_000, "batch": math.MaxInt32}
}

// checkFlags reports what is wrong with the flags that many commands have.
func checkFlags(c *cobra.Command, _ []string) error {
	if f := c.Flags().Lookup("backend"); f != nil {
		if _, err := device.Resolve(f.Value.String()); err != nil {
			return misuse{err}
		}
	}
	for name, most := range largest() {
		if given, err := c.Flags().GetInt(name); err == nil && given > most {
			return misusef("--%s %d: want at most %d", name, given, most)
		}
	}
	return nil
}

// checkArguments makes the complaints of all commands about their arguments misuses, in words of this program.
func checkArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		checkArguments(sub)
	}
	c.PreRunE = checkFlags
	check := c.Args
	if check == nil || !c.HasParent() {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		var said misuse
		switch {
		case err == nil || errors.As(err, &said):
			return err
		case strings.HasPrefix(err.Error(), "unknown command") && c.HasSubCommands():
			return misusef("`%s` has no command %q; see `%s --help`", c.CommandPath(), args[0], c.CommandPath())
		case strings.HasPrefix(err.Error(), "unknown command"): // cobra.NoArgs
			return misusef("`%s` takes no argument %q; see `%s --help`", c.CommandPath(), args[0], c.CommandPath())
		}
		return misusef("%w; see `%s --help`", err, c.CommandPath())
	}
}

// helpCommand is cobra's, but for a topic that is not there.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || about == nil || len(rest) > 0 {
				return misusef("no help for %q; see `%s --help`", strings.Join(args, " "), c.Root().CommandPath())
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// needShell is what `gantry completion` does by itself.
func needShell(c *cobra.Command, _ []string) error {
	var shells []string
	for _, shell := range c.Commands() {
		shells = append(shells, shell.Name())
	}
	return misusef("name a shell: %s", strings.Join(shells, ", "))
}

// possible reports what would end a training before its first step, beside what the linter has found.
func possible(of method.Description, findings []lint.Finding) error {
	for _, f := range findings {
		if f.Rule == impossible {
			_, said, found := strings.Cut(f.Problem, "panicked: ") // before it GoMLX names its own functions
			if !found {
				return misuse{errors.New(f.Problem)}
			}
			return misusef("what is to be trained does not fit its data: %s", said)
		}
	}
	game, err := of.Game()
	if err != nil {
		return misuse{err}
	}
	for _, set := range game.Data {
		images, err := set.Head()
		if err != nil {
			return misuse{err}
		}
		if needed := game.BatchSize * game.Draws(); needed > images.N {
			return misusef("--batch %d: a step takes %d samples and %s has %d", game.BatchSize, needed, set.Name, images.N)
		}
	}
	return nil
}

const impossible = "impossible" // the linter's rule for what cannot run
