package kernel

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/engine"
	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/jupyter"
)

const startPatience = 60 * time.Second

// engineHost is the engine of a kernel and what goes with it.
type engineHost struct {
	*engine.Engine
	log         *jupyter.Logger
	dir         string // where cells are built
	tools       string // folder of the executable, where set-up puts goimports and gopls too
	guard       *engine.Guard
	goTool      string // as the engine calls it
	goimports   string
	environment []string // of the engine, and so of cells
	unpinned    error    // why cells do not see the project's modules
}

var kernelFile = regexp.MustCompile(`kernel-([0-9a-f-]+)\.json$`)

// startEngine starts the engine of the kernel that c describes, in the kernel's folder. What it makes there goes with that.
func startEngine(ctx context.Context, c Config, temp *engine.Temp, log *jupyter.Logger, on engine.Events) (_ *engineHost, err error) {
	id := fmt.Sprintf("%08x", os.Getpid()) // eight digits, as GoNB's
	h := &engineHost{log: log, tools: filepath.Dir(c.Engine), dir: filepath.Join(temp.Dir, "gonb_"+id)}
	made := filepath.Join(temp.Dir, "module")
	for _, dir := range []string{h.dir, made} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, err
		}
	}
	begin := wire.Begin{ID: id, Dir: h.dir, Module: made, Copy: engine.CopiedModule(c.Project)}
	if h.unpinned = engine.WriteModule(c.Project, made, "gonb_"+id); h.unpinned != nil { // a kernel that can say so is worth more than one that is dead
		begin.Module, begin.FetchFirst = "", true
	}
	if found := kernelFile.FindStringSubmatch(c.ConnectionFile); found != nil {
		begin.KernelID = found[1]
	}
	links := filepath.Join(temp.Dir, "quick")
	if begin.Go, err = quickTool(h.tools, links, "go"); err != nil {
		return nil, err
	}
	if begin.Goimports, err = quickTool(h.tools, links, "goimports"); err != nil {
		return nil, err
	}
	h.goTool, h.goimports = begin.Go, begin.Goimports
	// A program that is to outlive the kernel finds the lasting temporary folder in GANTRY_TMPDIR.
	h.environment = append(os.Environ(),
		"GANTRY_TMPDIR="+os.TempDir(), "TMPDIR="+temp.Dir, "GOTMPDIR="+temp.Dir,
		"GOFLAGS="+engine.BuildFlags(os.Getenv("GOFLAGS")), cellbuild.EnvCache+"="+quickCache(),
		"PATH="+h.tools+string(os.PathListSeparator)+os.Getenv("PATH"), channel.Env+"="+channel.Path(c.ConnectionFile))
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	h.Engine, err = engine.Start(ctx, engine.Config{Program: c.Engine, Environment: h.environment, Log: log, Begin: begin}, on)
	return h, err
}

// findEngine looks for the engine's executable beside the running one, then on PATH.
func findEngine() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), engine.Program)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(engine.Program)
	if err != nil {
		return "", fmt.Errorf("%s not found beside this program or on PATH; run make setup", engine.Program)
	}
	return path, nil
}
