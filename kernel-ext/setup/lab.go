package setup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"gantry.local/gan/device"
)

var (
	//go:embed labconfig.py
	labConfig string
	//go:embed labsettings.json
	labSettings string
)

func labConfigFile(root string) string {
	return filepath.Join(venv(root), "etc", "jupyter", "jupyter_server_config.py")
}

// LabOptions say how JupyterLab is served.
type LabOptions struct {
	Root      string
	Port      int  // 0: the first free one from 8888 on
	NoBrowser bool // only print the address
	Log       io.Writer
}

// Lab serves JupyterLab on loopback, opened at the first chapter, until ctx ends. All that Jupyter writes stays in
// .venv of the checkout.
func Lab(ctx context.Context, o LabOptions) error {
	args := []string{"--log-level=WARN", "--ServerApp.ip=127.0.0.1",
		"--ServerApp.root_dir=" + filepath.Join(o.Root, "notebooks"),
		"--LabApp.default_url=/lab/tree/01-mlp.ipynb"}
	if o.Port != 0 {
		args = append(args, "--ServerApp.port="+strconv.Itoa(o.Port), "--ServerApp.port_retries=0")
	}
	if o.NoBrowser {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 {
		args = append(args, "--allow-root")
	}
	cmd, err := jupyter(ctx, o.Root, filepath.Join(venv(o.Root), "bin", "jupyter-lab"), args...)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = o.Log, o.Log
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("JupyterLab stopped: %w; its messages are above", err)
	}
	return nil
}

// EnvBackend hands the backend that a person chose (device.EnvBackend) past the kernelspec, whose environment would replace
// it, to the kernel.
const EnvBackend = "GANTRY_BACKEND"

// jupyter prepares a program of the virtual environment: its settings, state and sockets in .venv, its own process
// group, so that Ctrl-C reaches this program alone, and a polite end when ctx ends.
func jupyter(ctx context.Context, root, program string, args ...string) (*exec.Cmd, error) {
	if !exists(program) || !exists(filepath.Join(KernelspecDir(root), "kernel.json")) {
		return nil, errors.New("not set up yet; run `make setup`")
	}
	state := filepath.Join(venv(root), "jupyter")
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PYTHONPATH=", device.EnvRoot+"="+root, EnvBackend+"="+os.Getenv(device.EnvBackend))
	for name, folder := range map[string]string{
		"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
		"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
	} {
		dir := filepath.Join(state, folder)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, name+"="+dir)
	}
	ownGroup(cmd)
	cmd.WaitDelay = 15 * time.Second // then it is killed
	return cmd, nil
}
