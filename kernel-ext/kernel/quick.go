package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	cellbuild "gantry.local/kernel-ext/cell"
)

// warmPackages are what cells import most. How a program is built that imports any of them is learned while the kernel
// starts, so that the first cell is as quick as the next.
var warmPackages = [...]string{
	"bufio", "bytes", "context", "encoding/json", "errors", "fmt", "image", "image/color", "image/png", "io", "log", "maps",
	"math", "math/rand", "math/rand/v2", "net/http", "os", "os/exec", "path/filepath", "reflect", "regexp", "runtime", "slices",
	"sort", "strconv", "strings", "sync", "sync/atomic", "testing", "time", "unicode",
	"gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/device", "gantry.local/gan/loss", "gantry.local/gan/metric",
	"gantry.local/gan/net", "gantry.local/gan/recipe", "gantry.local/kernel-ext/keep", "gantry.local/kernel-ext/keep/gomlx",
	"gantry.local/kernel-ext/lab", "gantry.local/kernel-ext/show", "gantry.local/kernel-ext/value", "gantry.local/kernel-ext/value/gomlx",
	"gantry.local/kernel-ext/value/picture",
	"github.com/gomlx/compute", "github.com/gomlx/compute/dtypes", "github.com/gomlx/compute/shapes",
	"github.com/gomlx/gomlx/backends/default", "github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/core/tensors",
	"github.com/gomlx/gomlx/ml/layers", "github.com/gomlx/gomlx/ml/model", "github.com/gomlx/gomlx/ml/train/optimizer",
	"github.com/janpfeifer/gonb/gonbui",
}

// quickTool returns what is to be started in place of a tool: a link by which cellbuild.Program stands in for it, or the
// tool itself where that program is not among the tools. dir is the folder of tools, links one for links.
func quickTool(dir, links, name string) (string, error) {
	tool := filepath.Join(dir, name)
	if _, err := os.Stat(tool); err != nil {
		if tool, err = exec.LookPath(name); err != nil {
			return name, nil // the first cell says what is missing
		}
	}
	tool, err := filepath.Abs(tool)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, cellbuild.Program)
	if _, err := os.Stat(program); err != nil {
		return tool, nil
	}
	if program, err = filepath.Abs(program); err != nil {
		return "", err
	}
	if err := os.MkdirAll(links, 0o700); err != nil {
		return "", err
	}
	link := filepath.Join(links, name)
	return link, errors.Join(os.Symlink(tool, link+cellbuild.RealSuffix), os.Symlink(program, link))
}

// quickCache is where what was learned about builds outlives a kernel; empty if there is no such place.
func quickCache() string {
	if dir, ok := os.LookupEnv(cellbuild.EnvCache); ok {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "gantry", "cells")
}

// warm starts a process that learns, while the kernel runs, how cells are built, if cellbuild.Program is among the tools and there is
// something to learn. It is to be stopped before the engine's folder goes.
func (h *engineHost) warm() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		program := filepath.Join(h.tools, cellbuild.Program)
		if _, err := os.Stat(program); err != nil || quickCache() == "" {
			return
		}
		if _, err := cellbuild.Archives(h.goTool, h.dir, h.environment, warmPackages[:]); err == nil {
			return // a process that finds that out takes time from the first cell
		}
		if _, err := h.runTool(ctx, program, append([]string{"warm", h.dir}, warmPackages[:]...)...); err != nil && ctx.Err() == nil {
			h.log.Printf("cells are not built ahead: %v", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
