package setup

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/engine"
)

// KernelName is what Jupyter calls the kernel.
const KernelName = "gantry"

var (
	//go:embed logo-64x64.png
	logo []byte
	//go:embed logo-svg.svg
	logoSVG []byte
)

// kernelspec is Jupyter's kernel.json.
type kernelspec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
	Metadata      map[string]any    `json:"metadata"`
}

func (in *installer) kernelspec() kernelspec {
	return kernelspec{
		Argv:          []string{filepath.Join(bin(in.Root), "gantry"), "kernel", "--connection-file", "{connection_file}"},
		DisplayName:   "Go (Gantry)",
		Language:      "go",
		InterruptMode: "message",
		Env: map[string]string{
			device.EnvRoot: in.Root,
			"GOEXPERIMENT": "simd",
			"GOFLAGS":      engine.BuildFlags(""),
			// Jupyter fills in the PATH it was started with.
			"PATH": bin(in.Root) + string(os.PathListSeparator) + filepath.Join(venv(in.Root), "bin") +
				string(os.PathListSeparator) + "${PATH}",
		},
		Metadata: map[string]any{"debugger": false},
	}
}

func (in *installer) kernelspecStage() stage {
	dir := KernelspecDir(in.Root)
	return stage{
		name:  "kernelspec and JupyterLab's settings",
		key:   hash(in.Root, string(logo), string(logoSVG), labConfig, labSettings, engine.BuildFlags("")),
		makes: []string{filepath.Join(dir, "kernel.json"), filepath.Join(dir, "logo-64x64.png"), labConfigFile(in.Root), labSettingsFile(in.Root)},
		run: func(context.Context) error {
			for name, data := range map[string][]byte{"logo-64x64.png": logo, "logo-svg.svg": logoSVG} {
				if err := writeFile(filepath.Join(dir, name), data, 0o644); err != nil {
					return err
				}
			}
			if err := writeFile(labConfigFile(in.Root), []byte(labConfig), 0o644); err != nil {
				return err
			}
			if err := writeFile(labSettingsFile(in.Root), []byte(labSettings), 0o644); err != nil {
				return err
			}
			if device.CPUPlugin(in.Root) == "" {
				fmt.Fprintln(in.Out, "  no XLA plugin for this system: cells use the pure Go backend, some of it up to three times slower; "+
					"see docs/troubleshooting.md")
			}
			return writeJSON(filepath.Join(dir, "kernel.json"), in.kernelspec())
		},
	}
}

// KernelspecDir is the folder of the kernelspec in the checkout at root.
func KernelspecDir(root string) string {
	return filepath.Join(venv(root), "share", "jupyter", "kernels", KernelName)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
