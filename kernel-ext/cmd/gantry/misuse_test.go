package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls do for each command that a person can type, cobra's own included.
func everyCommand(c *cobra.Command, do func(c *cobra.Command, words []string)) {
	words := strings.Fields(c.CommandPath())[1:]
	do(c, words)
	for _, sub := range c.Commands() {
		everyCommand(sub, do)
	}
}

// goWords are what a person who types a command should not meet.
var goWords = regexp.MustCompile(`strconv|ParseInt|ParseFloat|ParseBool|time: |fdopendir|panic|goroutine|\.go:|Errno|%!|\[\]|<nil>`)

// wantMisuse runs a command line in an empty folder and wants exit code 2, one line on standard error that a person can do
// something about, and nothing left behind.
func wantMisuse(t *testing.T, want string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	c := command(t, args...)
	c.Dir = dir
	var said, out strings.Builder
	c.Stderr, c.Stdout = &said, &out
	err := c.Run()
	line := said.String()
	if code := c.ProcessState.ExitCode(); code != 2 {
		t.Errorf("gantry %q: exit code %d (%v) and %q, want 2", args, code, err, line)
	}
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "gantry: ") || goWords.MatchString(line) || !strings.Contains(line, want) {
		t.Errorf("gantry %q says %q: want one line in plain words, with %q", args, line, want)
	}
	if out.Len() > 0 {
		t.Errorf("gantry %q: it printed %q", args, out.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("gantry %q left %v (%v)", args, left, err)
	}
}

// TestEveryFlagRefuses gives each flag of each command what it cannot take: another kind of value, too large a number, none.
func TestEveryFlagRefuses(t *testing.T) {
	wrong := map[string][]string{
		"int": {"abc", "1.5", "", "99999999999999999999", "0x", "1e3"}, "int64": {"abc", "1.5", "", "99999999999999999999"},
		"float64": {"abc", "", "1e999"}, "bool": {"maybe", "2"}, "duration": {"abc", "5", "", "99999999999h", "1 h"},
		"string": nil, "stringArray": nil,
	}
	everyCommand(rootCommand(), func(c *cobra.Command, words []string) {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			values, known := wrong[f.Value.Type()]
			if !known {
				t.Errorf("gantry %s --%s: no wrong value is known of type %s", strings.Join(words, " "), f.Name, f.Value.Type())
			}
			for _, value := range values {
				wantMisuse(t, fmt.Sprintf("--%s %q: want ", f.Name, value), slices.Concat(words, []string{"--" + f.Name + "=" + value})...)
			}
			if f.NoOptDefVal == "" {
				wantMisuse(t, "--"+f.Name+" needs a value", slices.Concat(words, []string{"--" + f.Name})...)
			}
		})
		wantMisuse(t, "unknown flag: --nonsense", slices.Concat(words, []string{"--nonsense"})...)
	})
}

// TestEveryCommandRefuses gives each command an argument that it does not take, and a name that nothing has.
func TestEveryCommandRefuses(t *testing.T) {
	everyCommand(rootCommand(), func(c *cobra.Command, words []string) {
		if len(words) > 0 && slices.Contains([]string{"stop", "runs", "compare", "log"}, words[0]) { // which take any name, and say that there is no such run
			return
		}
		args := slices.Concat(words, []string{"nonsense", "more"})
		if len(words) > 0 && words[0] == "nbrun" {
			args = append(args, "--out", "out")
		}
		wantMisuse(t, "", args...)
	})
}

// TestWrongValues are wrong names, places and sizes: of each flag whose value only its command can judge.
func TestWrongValues(t *testing.T) {
	dir := t.TempDir()
	path := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	const empty = `{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}`
	pipe := filepath.Join(dir, "pipe.ipynb")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	file, table := path("file", "text"), path("table.csv", "x,y\n1,2\n3\n")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"unknown command \"trian\"", []string{"trian"}},
		{"unknown command \"\"", []string{""}},
		{"no help for \"trian\"", []string{"help", "trian"}},
		{"no help for \"train x\"", []string{"help", "train", "x"}},
		{"name a shell: bash, fish", []string{"completion", "cmd"}},
		{"`gantry doctor` takes no argument \"x\"", []string{"doctor", "x"}},

		{"name one study: ring, grid,", []string{"bench"}},
		{"name one study: ring, grid,", []string{"bench", "ring", "grid"}},
		{`unknown study "rings": use one of ring, grid`, []string{"bench", "rings"}},
		{`study ring has no row "mlp": use one of toy, `, []string{"bench", "ring", "--recipe", "mlp"}},
		{"study compress has no rows to choose from", []string{"bench", "compress", "--recipe", "mlp"}},
		{"study rescue makes one run of each row", []string{"bench", "rescue", "--seeds", "3"}},
		{"study ring has no rows of peers", []string{"bench", "ring", "--peer", "python3"}},
		{"no Python /nowhere", []string{"bench", "mnist", "--peer", "/nowhere"}},
		{"--seeds -1: want more than 0", []string{"bench", "ring", "--seeds", "-1"}},
		{"--steps 0: want more than 0", []string{"bench", "ring", "--steps", "0"}},
		{"--max-time 0s: want more than 0", []string{"bench", "mnist", "--max-time", "0s"}},
		{`unknown backend "tpu"`, []string{"bench", "ring", "--backend", "tpu"}},
		{"is no folder for pictures", []string{"bench", "ring", "--out", file}},
		{"--cells must be at least 1", []string{"bench", "cells", "--cells", "0"}},
		{`unknown workload "mpl": use one of article-32`, []string{"bench", "speed", "--workload", "mpl"}},
		{`unknown framework "theano": use one of keras, torch, jax`, []string{"bench", "speed", "--peer", "sh", "--beside", "theano"}},
		{"need a Python that has them", []string{"bench", "speed", "--beside", "jax"}},
		{"no Python /nowhere: run `make bench-peers`", []string{"bench", "speed", "--peer", "/nowhere"}},
		{"--rounds 0: want more than 0", []string{"bench", "speed", "--rounds", "0"}},
		{"--time -1s: want more than 0", []string{"bench", "speed", "--time", "-1s"}},
		{"--threads 0: want more than 0", []string{"bench", "speed", "--threads", "0"}},
		{`unknown backend "tpu"`, []string{"bench", "speed", "--backend", "tpu"}},
		{"no such file", []string{"bench", "speed", "--join", "/nowhere.json"}},
		{"is no report of", []string{"bench", "speed", "--join", file}},

		{"there is no notebook", []string{"nbrun", "none.ipynb", "--out", "out"}},
		{"is no notebook", []string{"nbrun", file, "--out", "out"}},
		{"is no notebook", []string{"nbrun", path("list.ipynb", "[1, 2]"), "--out", "out"}},
		{"is no notebook", []string{"nbrun", path("cut.ipynb", empty[:30]), "--out", "out"}},
		{"is no notebook", []string{"nbrun", path("empty.ipynb", ""), "--out", "out"}},
		{"is no notebook", []string{"nbrun", path("cells.ipynb", `{"cells": 3, "nbformat": 4}`), "--out", "out"}},
		{"is no notebook", []string{"nbrun", dir, "--out", "out"}},
		{"is no notebook", []string{"nbrun", pipe, "--out", "out"}},
		{"have the same name", []string{"nbrun", path("a/n.ipynb", empty), path("b/n.ipynb", empty), "--out", "out"}},
		{"is no folder", []string{"nbrun", path("good.ipynb", empty), "--out", file}},
		{"--timeout 0s: want at least 1s", []string{"nbrun", path("good.ipynb", empty), "--out", "out", "--timeout", "0s"}},
		{"name the notebooks", []string{"nbrun", "--out", "out"}},

		{`unknown recipe "gan"`, []string{"train", "--recipe", "gan", "--out", "out"}},
		{`unknown data set "cifar"`, []string{"train", "--data", "cifar", "--out", "out"}},
		{"want n=NUMBER", []string{"train", "--data", "ring,n=abc", "--out", "out"}},
		{"want at least one sample", []string{"train", "--recipe", "toy", "--data", "ring,n=-5", "--out", "out"}},
		{"no such file", []string{"train", "--data", "csv:/nowhere.csv", "--out", "out"}},
		{"no such file", []string{"train", "--data", "folder:/nowhere", "--out", "out"}},
		{"CSV", []string{"train", "--recipe", "sines", "--data", "csv:" + table, "--out", "out"}},
		{"use recipe toy-r1r2", []string{"train", "--recipe", "mlp", "--data", "ring", "--out", "out"}},
		{"a step takes 100000 samples and mnist has 60000", []string{"train", "--batch", "100000", "--out", "out"}},
		{`unknown backend "tpu"`, []string{"train", "--backend", "tpu", "--out", "out"}},
		{"there is no plugin /nowhere.so", []string{"train", "--backend", "xla:/nowhere.so", "--out", "out"}},
		{"it is no folder", []string{"train", "--out", file}},

		{`--loss: unknown loss "hing": did you mean hinge?`, []string{"train", "--loss", "hing", "--out", "out"}},
		{`--penalty r1: it has no parameter "wieght"; did you mean weight?`, []string{"train", "--penalty", "r1 wieght 1", "--out", "out"}},
		{`--optimizer adam: beta1 1: want a number from 0, below 1`, []string{"train", "--optimizer", "adam beta1 1", "--out", "out"}},
		{"--ema 1: want a number from 0, below 1", []string{"train", "--ema", "1", "--out", "out"}},
		{"--rate: optimizer adam: rate -1: want a number from 0 on", []string{"train", "--rate", "-1", "--out", "out"}},
		{`--method: unknown method "alternatng": did you mean alternating?`, []string{"train", "--method", "alternatng", "--out", "out"}},
		{"Privacy bounds what one image can do", []string{"train", "--method", "private", "--penalty", "r1", "--out", "out"}},
		{"has no real and fake halves", []string{"train", "--method", "halves", "--loss", "relativistic paired", "--out", "out"}},
		{"does not fit its data", []string{"train", "--critic", "dcgan size 32", "--out", "out"}},
		{"--pack 0: want a whole number from 1", []string{"train", "--pack", "0", "--out", "out"}},
		{`--generator: unknown generator "dcgam": did you mean dcgan?`, []string{"train", "--generator", "dcgam", "--out", "out"}},
		{`line 2: a spec has no "los"; did you mean loss?`, []string{"train", "--spec", path("los.json", "{\"recipe\": \"mlp\",\n\"los\": \"hinge\"}"), "--out", "out"}},
		{"ema 1: want a number from 0, below 1", []string{"train", "--spec", path("ema.json", `{"recipe": "mlp", "ema": 1}`), "--out", "out"}},
		{"generator is missing: say what is to be trained", []string{"train", "--spec", path("none.json", "{}"), "--out", "out"}},
		{"is no JSON: it ends in the middle", []string{"train", "--spec", path("cut.json", `{"recipe": "mlp"`), "--out", "out"}},
		{"there is no spec /nowhere.json: name a file", []string{"train", "--spec", "/nowhere.json", "--out", "out"}},
		{"there is no spec", []string{"train", "--spec", pipe, "--out", "out"}},
		{`there are no parts "los"; did you mean loss?`, []string{"parts", "los"}},
		{"--within 0.01: want 0.1 or more, or 0", []string{"sample", "--run", dir, "--out", "a.png", "--within", "0.01"}},

		{`unknown backend "tpu"`, []string{"sample", "--run", dir, "--out", "a.png", "--backend", "tpu"}},
		{"--n 999999999999: want at most", []string{"sample", "--run", dir, "--out", "a.png", "--n", "999999999999"}},
		{"--truncate NaN: want 0 to 1", []string{"sample", "--run", dir, "--out", "a.png", "--truncate", "NaN"}},
		{`unknown backend "tpu"`, []string{"export", "--run", dir, "--out", "a.onnx", "--backend", "tpu"}},
		{"--batch 999999999999: want at most", []string{"export", "--run", dir, "--out", "a.onnx", "--batch", "999999999999"}},
		{`unknown backend "tpu"`, []string{"measure", "--run", dir, "--backend", "tpu"}},
		{"--run is missing", []string{"measure"}},
		{"--samples 3: want 20 to 100000", []string{"measure", "--run", dir, "--samples", "3"}},
		{"name at least two runs to compare", []string{"compare"}},
		{"name at least two runs to compare", []string{"compare", "one"}},
		{"want a name that ends in .html", []string{"compare", "one", "two", "--out", "page.pdf"}},
		{`unknown backend "tpu"`, []string{"compare", "one", "two", "--backend", "tpu"}},
		{"name the runs to log", []string{"log", "--csv", "a.csv"}},
		{"say what to write", []string{"log", "one"}},
		{"--csv takes one run, not 2", []string{"log", "one", "two", "--csv", "a.csv"}},
		{"--follow goes with --tensorboard and one run", []string{"log", "one", "--csv", "a.csv", "--follow"}},
		{"--measure-every -1: want 0 or more steps", []string{"train", "--out", "out", "--measure-every", "-1"}},
		{`unknown backend "tpu"`, []string{"probe", "tpu"}},
		{"--patience 0s: want a positive time", []string{"stop", "a", "--patience", "0s"}},
	} {
		wantMisuse(t, c.want, c.args...)
	}
}
