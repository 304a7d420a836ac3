package setup

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
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

	Timeout time.Duration // for each cell, in whole seconds; 0: CellTimeout
}

// CellTimeout is how long a cell may take where nothing else is said.
const CellTimeout = 15 * time.Minute

const (
	runPatience     = 10 * time.Second // for a resident run to end
	largestNotebook = 256 << 20        // bytes
)

// CheckNotebooks reports what RunNotebooks would refuse: files that are no notebooks, two of one name, which would take
// each other's place, and a folder for the results that is none.
func CheckNotebooks(out string, notebooks ...string) error {
	if info, err := os.Stat(out); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder: name another for the executed notebooks", out)
	}
	taken := map[string]string{}
	for _, notebook := range notebooks {
		if err := checkNotebook(notebook); err != nil {
			return err
		}
		name := filepath.Base(notebook)
		if before, found := taken[name]; found {
			return fmt.Errorf("%s and %s have the same name: execute them into different folders", before, notebook)
		}
		taken[name] = notebook
	}
	return nil
}

// checkNotebook wants a file with the marks of a Jupyter notebook.
func checkNotebook(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no notebook %s", path)
	case err != nil:
		return fmt.Errorf("notebook %s cannot be read: %w", path, errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no notebook: name a file that ends in .ipynb", path)
	case info.Size() > largestNotebook:
		return fmt.Errorf("notebook %s has %d MiB: at most %d are read", path, info.Size()>>20, largestNotebook>>20)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("notebook %s cannot be read: %w", path, errors.Unwrap(err))
	}
	var marks struct {
		Version    *int              `json:"nbformat"`
		Cells      []json.RawMessage `json:"cells"`
		Worksheets []json.RawMessage `json:"worksheets"` // of version 3
	}
	if json.Unmarshal(text, &marks) != nil || marks.Version == nil || marks.Cells == nil && marks.Worksheets == nil {
		return fmt.Errorf("%s is no notebook, or a damaged one: name a file that JupyterLab opens", path)
	}
	return nil
}

// RunNotebooks executes notebooks from top to bottom, each on a kernel of its own, and writes them with their outputs
// into o.Out. The first cell that fails ends it; the error names the notebook and the cell, and the notebook is written
// as far as it came. Resident runs begin anew and end with the notebooks, unless lab.EnvRuns names a folder for them.
func RunNotebooks(ctx context.Context, o NotebookOptions, notebooks ...string) error {
	if err := CheckNotebooks(o.Out, notebooks...); err != nil {
		return err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = CellTimeout
	}
	args := []string{"-c", notebookRunner, "--timeout", strconv.Itoa(int(timeout.Seconds()))}
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
