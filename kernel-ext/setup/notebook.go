package setup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/lab"
)

//go:embed nbrun.py
var notebookRunner string

// NotebookOptions say how notebooks are executed.
type NotebookOptions struct {
	Root string
	Out  string    // folder for the executed notebooks, made if needed
	HTML bool      // write a web page beside each
	Fast bool      // small budgets: cells find GANTRY_FAST=1 in their environment
	Log  io.Writer // a line for each cell
}

const runPatience = 10 * time.Second // for a resident run to end

// RunNotebooks executes notebooks from top to bottom, each on a kernel of its own, and writes them with their outputs
// into o.Out. The first cell that fails ends it; the error names the notebook and the cell, and the notebook is written
// as far as it came. Resident runs begin anew and end with the notebooks, unless lab.EnvRuns names a folder for them.
func RunNotebooks(ctx context.Context, o NotebookOptions, notebooks ...string) error {
	args := []string{"-c", notebookRunner}
	if o.HTML {
		args = append(args, "--html")
	}
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("cannot make the folder for results: %w", err)
	}
	args = append(args, "--out", out)
	for _, notebook := range notebooks {
		path, err := filepath.Abs(notebook)
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("no notebook %s", notebook)
		}
		args = append(args, path)
	}
	cmd, err := jupyter(ctx, o.Root, venvPython(o.Root), args...)
	if err != nil {
		return err
	}
	if o.Fast {
		cmd.Env = append(cmd.Env, lab.EnvFast+"=1")
	}
	failed := ""
	if os.Getenv(lab.EnvRuns) == "" { // else a person's own runs would go on
		runs, err := os.MkdirTemp("", "gantry-runs-")
		if err != nil {
			return err
		}
		defer func() {
			if lab.EndRunsIn(runs, runPatience) == nil {
				os.RemoveAll(runs)
			}
		}()
		cmd.Env = append(cmd.Env, lab.EnvRuns+"="+runs)
	}
	cmd.Stdout = o.Log
	cmd.Stderr = &lines{each: func(line string) {
		if line != "" {
			failed = line
		}
	}}
	if err := cmd.Run(); err != nil {
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case failed != "":
			return errors.New(failed)
		}
		return err
	}
	return nil
}
