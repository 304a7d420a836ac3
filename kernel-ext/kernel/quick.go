package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	cellbuild "gantry.local/kernel-ext/cell"
)

// warmPackages are what cells import most. How a program is built that imports any of them is learned while the kernel
// starts, so that the first cell is as quick as the next.
var warmPackages = [...]string{
	"bufio", "bytes", "context", "encoding/json", "errors", "fmt", "image", "image/color", "image/png", "io", "log", "maps",
	"math", "math/rand", "math/rand/v2", "net/http", "os", "os/exec", "path/filepath", "reflect", "regexp", "runtime", "slices",
	"sort", "strconv", "strings", "sync", "sync/atomic", "testing", "time", "unicode",
	"gantry.local/gan", "gantry.local/gan/data", "gantry.local/gan/device", "gantry.local/gan/loss", "gantry.local/gan/metric",
	"gantry.local/gan/net", "gantry.local/gan/recipe", "gantry.local/kernel-ext/lab", "gantry.local/kernel-ext/show",
	"github.com/gomlx/compute", "github.com/gomlx/compute/dtypes", "github.com/gomlx/compute/shapes",
	"github.com/gomlx/gomlx/backends/default", "github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/core/tensors",
	"github.com/gomlx/gomlx/ml/layers", "github.com/gomlx/gomlx/ml/model", "github.com/gomlx/gomlx/ml/train/optimizer",
	"github.com/janpfeifer/gonb/gonbui",
}

// quickTool returns what GoNB's scripts are to start in place of a tool: a link by which cellbuild.Program stands in for
// it, or the tool itself where that program is not beside GoNB.
func (s scripts) quickTool(dir, name, tool string) (string, error) {
	program := filepath.Join(dir, cellbuild.Program)
	if _, err := os.Stat(program); err != nil {
		return tool, nil
	}
	program, err := filepath.Abs(program)
	if err != nil {
		return "", err
	}
	links := filepath.Join(s.temp, "quick")
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

// warming is a process that learns, while the kernel runs, how cells are built. It is stopped before GoNB's folder goes.
type warming struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// warm starts the process for the module in dir, if cellbuild.Program is beside GoNB's executable.
func (g *gonb) warm(executable, dir string) warming {
	ctx, cancel := context.WithCancel(context.Background())
	w := warming{cancel, make(chan struct{})}
	program := filepath.Join(filepath.Dir(executable), cellbuild.Program)
	if _, err := os.Stat(program); err != nil || quickCache() == "" {
		close(w.ended)
		return w
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"warm", dir}, warmPackages[:]...)...)
	cmd.Env = append(gonbEnvironment(g.scripts, executable), "PATH="+toolPath(executable))
	cmd.SysProcAttr = ownSession()
	cmd.Cancel = func() error { killSession(cmd.Process.Pid); return nil }
	go func() {
		defer close(w.ended)
		runtime.LockOSThread() // the process ends with the thread that started it
		if text, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
			g.log.Printf("cells are not built ahead: %v: %s", err, strings.TrimSpace(string(text)))
		}
	}()
	return w
}

func (w warming) stop() {
	w.cancel()
	<-w.ended
}

// toolPath is the PATH of GoNB's tools: the scripts take their own folder out.
func toolPath(executable string) string {
	return filepath.Dir(executable) + string(os.PathListSeparator) + os.Getenv("PATH")
}
