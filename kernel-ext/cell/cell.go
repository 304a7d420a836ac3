// Package cell makes the build of a notebook's cell short. GoNB runs goimports and `go build` for each cell, and both
// spend most of their time finding out what is the same as a moment ago. This package stands in for the two: it
// answers from what it has learned where the question is exactly one it understands, and hands every other to the real
// tool. docs/decisions/0010-fast-cells.md says why.
//
// Reading order: cell.go (the program), imports.go (goimports), request.go and build.go (go build), plan.go (what is known of builds),
// learn.go (how it is learned), step.go (compiler and linker), base.go (what programs are linked to), warm.go (ahead of the first cell),
// archives.go (where compiled packages are, for who type-checks), trace.go (times).
package cell

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

const (
	// Program is the name of the executable that runs Main; it stands in for a tool through a link with the tool's name.
	Program = "gantry-cell"
	// EnvCache names the folder where it is remembered what has been learned. Without it everything goes to the real
	// tools.
	EnvCache = "GANTRY_CELL_CACHE"
	// RealSuffix is added to the name of a link that stands for a tool: a link of that name beside it leads to the tool.
	// Where there is none, the tool is looked for on PATH.
	RealSuffix = ".real"
	// EnvTrace names a file to which a line of JSON, a Span, is added for each step of a build.
	EnvTrace = "GANTRY_CELL_TRACE"
)

// Main runs the tool that args[0] names, go or goimports, and returns its exit status. Under its own name the program
// takes `warm FOLDER PACKAGE…`, see Warm, and `base CACHE KEY MODULE PACKAGE…`, see Base. It does not return where it can become the real tool.
func Main(args []string, stdout, stderr io.Writer) int {
	runtime.LockOSThread() // children end with the thread that started them
	link, args := args[0], args[1:]
	name := filepath.Base(link)
	if name == Program {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		var err error
		switch {
		case len(args) >= 3 && args[0] == "warm":
			err = Warm(ctx, args[1], args[2:])
		case len(args) >= 4 && args[0] == "base":
			err = Base(ctx, args[1], args[2], args[3], args[4:])
		default:
			fmt.Fprintf(stderr, "%s stands in for go and goimports through links of these names, which the kernel makes\n", Program)
			return 2
		}
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	real, err := os.Readlink(filepath.Join(filepath.Dir(link), name+RealSuffix))
	if err != nil {
		real, err = realTool(name)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 127
	}
	t := &tool{name: name, real: real, args: args, cache: os.Getenv(EnvCache), trace: openTrace(), stdout: stdout, stderr: stderr}
	if t.cache != "" {
		switch name {
		case "goimports":
			if t.imports() {
				return 0
			}
		case "go":
			if t.build() {
				return 0
			}
		}
	}
	return t.fallBack()
}

// tool is one call of a tool that this program stands in for.
type tool struct {
	name, real     string // what was asked for, and where the real one is
	args           []string
	cache          string
	trace          *trace
	stdout, stderr io.Writer
}

// fallBack becomes the real tool; with a trace it stays its parent instead, to take the time.
func (t *tool) fallBack() int {
	if t.trace == nil {
		err := become(t.real, append([]string{t.name}, t.args...))
		fmt.Fprintf(t.stderr, "cannot run %s: %v\n", t.real, err)
		return 126
	}
	args, done := t.trace.realTool(t.name, t.args)
	cmd := exec.Command(t.real, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, t.stdout, t.stderr
	cmd.SysProcAttr = endWithParent()
	err := cmd.Run()
	done()
	if cmd.ProcessState == nil {
		fmt.Fprintf(t.stderr, "cannot run %s: %v\n", t.real, err)
		return 126
	}
	return max(cmd.ProcessState.ExitCode(), -1)
}

// realTool finds a tool on PATH, passing over links to this program.
func realTool(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	own, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue // as os/exec, never a program from the current folder
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 && !os.SameFile(own, info) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not on PATH", name)
}
