// Package device opens the compute backend that graphs run on: XLA on the CPU or a GPU, or a pure Go one (package purego).
//
// It never downloads a plugin and never falls back silently: Resolve says which backend a name means and why.
package device

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default" // registers "xla" and "go"

	"gantry.local/gan/device/compilecache"
	"gantry.local/gan/device/purego"
)

// Environment variables that choose a backend and say where its plugin lies.
const (
	EnvBackend = "GOMLX_BACKEND" // GoMLX's own variable: a backend name, as for Open
	EnvRoot    = "GANTRY_ROOT"   // the project's folder, whose .venv holds the PJRT plugins
)

// Names lists the names Open understands, for help texts and errors.
func Names() []string { return []string{"xla:cpu", "xla:cuda", "xla:/path/to/plugin.so", "go"} }

// Choice is a backend that a name was resolved to.
type Choice struct {
	Config string // what GoMLX calls it: "go", or "xla:" with a plugin's absolute path and options
	Plugin string // absolute path of the PJRT plugin; empty for the Go backend
	Reason string // one line for a person: what was chosen and why
}

// Resolve says which backend a name means. An empty name means $GOMLX_BACKEND, and where that is empty too, XLA on an NVIDIA GPU if there is
// one and its plugin is installed, else XLA on the CPU, and without any plugin the Go backend. Reason says which.
func Resolve(name string) (Choice, error) {
	why := "asked for"
	if name == "" {
		name, why = os.Getenv(EnvBackend), "from "+EnvBackend
	}
	switch kind, plugin, _ := strings.Cut(name, ":"); {
	case name == "":
		if GPU() { // asked first: most machines have none, and need no search for a plugin
			if path := findPlugin(cudaPlugin); path != "" {
				return xla(path, "XLA on an NVIDIA GPU, the default where there is one"), nil
			}
		}
		if path := findPlugin(cpuPlugin); path != "" {
			return xla(path, "XLA on the CPU, the default"), nil
		}
		return Choice{Config: "go", Reason: "pure Go backend, because no XLA plugin is installed " +
			"(all works, some of it up to three times slower): run `make setup`"}, nil
	case name == "go":
		return Choice{Config: "go", Reason: "pure Go backend, " + why}, nil
	case kind == "xla" && (plugin == "" || plugin == "cpu"):
		path := findPlugin(cpuPlugin)
		if path == "" {
			return Choice{}, fmt.Errorf("backend %s: its plugin is not installed; run `make setup`", name)
		}
		return xla(path, "XLA on the CPU, "+why), nil
	case kind == "xla" && plugin == "cuda":
		path := findPlugin(cudaPlugin)
		if path == "" {
			return Choice{}, fmt.Errorf("backend %s: its plugin is not installed; on a machine with an NVIDIA driver "+
				"run `gantry setup --cuda`", name)
		}
		return xla(path, "XLA on an NVIDIA GPU, "+why), nil
	case kind == "xla" && filepath.IsAbs(plugin):
		path, _, _ := strings.Cut(plugin, ",")
		if _, err := os.Stat(path); err != nil {
			return Choice{}, fmt.Errorf("backend %s: there is no plugin %s; run `make setup`, or unset %s",
				kind, path, EnvBackend)
		}
		choice := xla(path, "XLA plugin "+filepath.Base(path)+", "+why)
		choice.Config = name
		return choice, nil
	}
	return Choice{}, fmt.Errorf("unknown backend %q: use one of %s", name, strings.Join(Names(), ", "))
}

// Open resolves a name and starts the backend. It never downloads anything.
func Open(name string) (compute.Backend, error) {
	choice, err := Resolve(name)
	if err != nil {
		return nil, err
	}
	if err := checkPlugin(choice.Plugin); err != nil {
		return nil, err
	}
	switch filepath.Base(choice.Plugin) {
	case filepath.Base(cpuPlugin):
		tune()
	case filepath.Base(cudaPlugin):
		trustLibraries()
	}
	if choice.Plugin != "" {
		compilecache.Put(choice.Plugin)
	}
	if choice.Config == "go" {
		backend, err := purego.New()
		if err != nil {
			return nil, fmt.Errorf("backend go cannot start: %w", err)
		}
		return backend, nil
	}
	backend, err := compute.NewWithConfig(choice.Config)
	if err != nil {
		remedy := "run `gantry doctor`"
		switch {
		case filepath.Base(choice.Plugin) == filepath.Base(cudaPlugin):
			remedy = "`nvidia-smi` must name a GPU that is free; without one use xla:cpu"
		case choice.Plugin != "":
			remedy = "the plugin may be damaged: run `gantry setup --repair`"
		}
		return nil, fmt.Errorf("backend %s cannot start; %s: %w", choice.Config, remedy, err)
	}
	return backend, nil
}

// trustLibraries keeps go-xla from warning that it does not find NVIDIA's libraries. It looks beside the plugin's folder; Python's packages have
// them one further up, where the plugin itself looks too.
func trustLibraries() {
	const checks = "GOPJRT_CUDA_CHECKS"
	if _, set := os.LookupEnv(checks); !set {
		os.Setenv(checks, "no")
	}
}

// checkPlugin looks whether a plugin is a whole shared library, before the loader does, which is wordy about it. An ELF
// file ends in its section table, so one that was cut short does not open.
func checkPlugin(path string) error {
	if path == "" || runtime.GOOS != "linux" {
		return nil
	}
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("the XLA plugin is damaged; run `gantry setup --repair` (%s: %w)", path, err)
	}
	return file.Close()
}

// Installed lists the backends that can be tried on this machine: one per PJRT plugin found, then the Go backend.
func Installed() []Choice {
	var choices []Choice
	if path := findPlugin(cpuPlugin); path != "" {
		choices = append(choices, xla(path, "XLA on the CPU"))
	}
	if path := findPlugin(cudaPlugin); path != "" {
		choices = append(choices, xla(path, "XLA on an NVIDIA GPU"))
	}
	return append(choices, Choice{Config: "go", Reason: "pure Go"})
}

func xla(path, reason string) Choice {
	return Choice{Config: "xla:" + path, Plugin: path, Reason: reason}
}

// Where Python packages put PJRT plugins, below a virtual environment.
const (
	cpuPlugin  = "lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
	cudaPlugin = "lib/python3*/site-packages/*_plugins/xla_cuda1*/xla_cuda_plugin.so"
)

// driverFiles are there where NVIDIA's driver is loaded; the latter is WSL2's.
var driverFiles = []string{"/dev/nvidiactl", "/dev/dxg"}

// GPU tells whether there may be an NVIDIA GPU: its driver is loaded, and CUDA_VISIBLE_DEVICES does not hide them all.
func GPU() bool {
	if visible, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set && (visible == "" || visible == "-1") {
		return false
	}
	return slices.ContainsFunc(driverFiles, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// findPlugin looks for a plugin in the project's virtual environment and returns its absolute path, or "".
func findPlugin(pattern string) string {
	for _, root := range roots() {
		if path := pluginBelow(root, pattern); path != "" {
			return path
		}
	}
	return ""
}

// CPUPlugin returns the absolute path of XLA's CPU plugin in the virtual environment of the project at root, or "".
func CPUPlugin(root string) string { return pluginBelow(root, cpuPlugin) }

func pluginBelow(root, pattern string) string {
	venv := filepath.Join(root, ".venv") // which may hold characters that mean something in a pattern
	if found, _ := fs.Glob(os.DirFS(venv), pattern); len(found) > 0 {
		return filepath.Join(venv, filepath.FromSlash(found[0]))
	}
	return ""
}

// roots are the folders that may be the project's: the one named in the environment, the executable's (bin/gantry), and
// every folder above the working directory.
func roots() []string {
	var roots []string
	if root := os.Getenv(EnvRoot); filepath.IsAbs(root) {
		roots = append(roots, root)
	}
	if executable, err := os.Executable(); err == nil {
		roots = append(roots, filepath.Dir(filepath.Dir(executable)))
	}
	if dir, err := os.Getwd(); err == nil {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			roots = append(roots, dir)
		}
	}
	return roots
}
