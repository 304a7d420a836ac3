package setup

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

// labSettingsFile is where JupyterLab reads settings that differ from its own; a hub's servers, which are of another environment, read it too.
func labSettingsFile(root string) string {
	return filepath.Join(venv(root), "etc", "jupyter", "labconfig", "default_setting_overrides.json")
}

// LabOptions say how JupyterLab is served.
type LabOptions struct {
	Root      string
	Port      int  // 0: the first free one from 8888 on
	NoBrowser bool // only print the address
	Log       io.Writer
}

// Lab serves JupyterLab on loopback, opened at the first chapter, until ctx ends, and logs its address, with a token,
// once the page can be had. All that Jupyter writes stays in .venv of the checkout.
func Lab(ctx context.Context, o LabOptions) error {
	const first = "/lab/tree/00-start.ipynb"
	args := []string{"--log-level=WARN", "--ServerApp.ip=127.0.0.1",
		"--ServerApp.root_dir=" + filepath.Join(o.Root, "notebooks"),
		"--LabApp.default_url=" + first}
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
	// With a token of its own Jupyter would print the address before it listens there.
	token := os.Getenv("JUPYTER_TOKEN")
	if token == "" {
		token = rand.Text()
		cmd.Env = append(cmd.Env, "JUPYTER_TOKEN="+token)
	}
	cmd.Stdout, cmd.Stderr = o.Log, o.Log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("JupyterLab stopped: %w; its messages are above", err)
			}
			return nil
		case <-tick.C:
			if server := serverAddress(ctx, o.Root, cmd.Process.Pid); server != "" {
				tick.Stop()
				fmt.Fprintf(o.Log, "JupyterLab: %s%s?token=%s\nCtrl-C here ends it\n", server, first, url.QueryEscape(token))
			}
		}
	}
}

// serverAddress is the address of the Jupyter server with this process number, or empty until it answers there.
func serverAddress(ctx context.Context, root string, pid int) string {
	text, err := os.ReadFile(filepath.Join(venv(root), "jupyter", "runtime", fmt.Sprintf("jpserver-%d.json", pid)))
	if err != nil {
		return ""
	}
	var server struct{ Port int }
	if err := json.Unmarshal(text, &server); err != nil {
		return "" // half written
	}
	address := "http://127.0.0.1:" + strconv.Itoa(server.Port)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api", nil)
	if err != nil {
		return ""
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	response.Body.Close()
	return address
}

// jupyter prepares a program of the virtual environment: its settings, state and sockets in .venv, its own process
// group, so that Ctrl-C reaches this program alone, and a polite end when ctx ends.
func jupyter(ctx context.Context, root, program string, args ...string) (*exec.Cmd, error) {
	if !exists(program) || !exists(filepath.Join(KernelspecDir(root), "kernel.json")) {
		return nil, errors.New("not set up yet; run `make setup`")
	}
	if _, err := device.Resolve(""); err != nil { // of which kernels would die
		return nil, err
	}
	state := filepath.Join(venv(root), "jupyter")
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PYTHONPATH=", device.EnvRoot+"="+root)
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
