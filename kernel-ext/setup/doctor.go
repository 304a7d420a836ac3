package setup

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gantry.local/gan/data"
	"gantry.local/gan/device"
	"gantry.local/gan/device/compilecache"
	"gantry.local/kernel-ext/engine"
)

// Finding is what the doctor says of one part.
type Finding struct {
	Part    string  `json:"part"`
	OK      bool    `json:"ok"`
	Detail  string  `json:"detail"`           // version, path or what went wrong
	Remedy  string  `json:"remedy,omitempty"` // the one command or step that mends it
	Needed  bool    `json:"needed"`           // false: the project works without it
	Seconds float64 `json:"seconds"`
}

// check examines one part by using it.
type check struct {
	part   string
	needed bool
	remedy string
	use    func(ctx context.Context) (detail string, err error)
}

// Doctor examines every part of the installation at root by using it and reports each finding as it is made. probe runs
// a graph on the backend of the given name in a process of its own, since a broken plugin can take the process with it.
// It returns false if a part that is needed does not work.
func Doctor(ctx context.Context, root string, probe func(ctx context.Context, backend string) (string, error), report func(Finding)) bool {
	good := true
	for _, c := range checks(root, probe) {
		begin := time.Now()
		detail, err := c.use(ctx)
		f := Finding{Part: c.part, OK: err == nil, Detail: detail, Needed: c.needed, Seconds: time.Since(begin).Seconds()}
		if err != nil {
			f.Detail, f.Remedy = err.Error(), c.remedy
			good = good && !c.needed
		}
		report(f)
	}
	return good
}

func checks(root string, probe func(context.Context, string) (string, error)) []check {
	version := func(name string, args ...string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			text, err := output(ctx, root, name, args...)
			line, _, _ := strings.Cut(text, "\n")
			return strings.TrimSpace(line + "  " + relative(root, name)), err
		}
	}
	list := []check{
		{"Go", true, "install Go 1.26 or newer from https://go.dev/dl", version("go", "version")},
		{"C compiler", true, "install gcc (Debian: apt install gcc; macOS: xcode-select --install)",
			func(ctx context.Context) (string, error) { return compiler(ctx, root) }},
		{"Python packages", true, "make setup", version(venvPython(root), "-c",
			"import sys, jupyterlab, nbclient, nbconvert; print('Python %d.%d.%d, JupyterLab' % sys.version_info[:3], "+
				"jupyterlab.__version__, 'nbclient', nbclient.__version__, 'nbconvert', nbconvert.__version__)")},
		{"GoNB", true, "gantry setup --repair", version(filepath.Join(bin(root), "gonb"), "--version")},
		{"engine", true, "gantry setup --repair", version(filepath.Join(bin(root), engine.Program), "--version")},
		{"goimports", true, "gantry setup --repair", func(ctx context.Context) (string, error) {
			path := filepath.Join(bin(root), "goimports")
			cmd := exec.CommandContext(ctx, path)
			cmd.Stdin = strings.NewReader("package p\nvar _ = fmt.Sprint()\n")
			text, err := cmd.Output()
			if err == nil && !strings.Contains(string(text), `import "fmt"`) {
				err = errors.New("it does not add a missing import")
			}
			return relative(root, path), err
		}},
		{"gopls", true, "gantry setup --repair", version(filepath.Join(bin(root), "gopls"), "version")},
		{"MNIST", true, "go clean -modcache && go mod download", func(context.Context) (string, error) {
			return whole(data.MNIST(), data.MNISTTest())
		}},
		{"Fashion-MNIST", false, "for the recipe fashion alone: apt install dataset-fashion-mnist", func(context.Context) (string, error) {
			return whole(data.FashionMNIST(), data.FashionMNISTTest())
		}},
	}
	for _, choice := range device.Installed() {
		name, needed, remedy := choice.Config, true, "gantry setup --repair"
		if strings.Contains(choice.Plugin, "cuda") {
			needed, remedy = device.GPU(), "nvidia-smi must name a GPU; then gantry setup --cuda --repair"
		}
		list = append(list, check{"backend: " + choice.Reason, needed, remedy, func(ctx context.Context) (string, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			return probe(ctx, name)
		}})
	}
	if runtime.GOOS == "linux" && device.CPUPlugin(root) == "" {
		list = append(list, check{"backend: XLA on the CPU", true, "make setup", func(context.Context) (string, error) {
			return "", errors.New("its plugin is not installed")
		}})
	}
	return append(list,
		check{"default backend", true, "unset GOMLX_BACKEND, or set it to " + strings.Join(device.Names(), ", "),
			func(context.Context) (string, error) {
				choice, err := device.Resolve("")
				return choice.Reason, err
			}},
		check{"compile cache", false, "remove that folder, or name another in " + compilecache.Env, func(context.Context) (string, error) {
			dir := compilecache.Dir()
			if dir == "" {
				return "switched off by " + compilecache.Env, nil
			}
			folder, err := compilecache.Open(dir)
			if err != nil {
				return "", err
			}
			entries, size, err := folder.Size()
			return fmt.Sprintf("%d entries, %.1f MB in %s", entries, float64(size)/1e6, dir), err
		}},
		check{"NVIDIA GPU", false, "install NVIDIA's driver, then gantry setup --cuda", func(ctx context.Context) (string, error) {
			if reason := missingDriver(); reason != "" {
				return "", errors.New(reason)
			}
			devices, err := output(ctx, root, "nvidia-smi", "-L")
			if err != nil {
				return "", err
			}
			if choice, err := device.Resolve("xla:cuda"); err == nil {
				return strings.ReplaceAll(devices, "\n", "; ") + ", plugin " + relative(root, choice.Plugin), nil
			}
			return "", errors.New(strings.ReplaceAll(devices, "\n", "; ") + " found, but the CUDA plugin is not installed")
		}},
		check{"kernel: a cell that prints", true, "make setup", func(ctx context.Context) (string, error) { return helloCell(ctx, root) }},
	)
}

// whole loads the two halves of a data set, which verifies them.
func whole(train, test data.Set) (string, error) {
	images, err := train.Load()
	if err != nil {
		return "", err
	}
	unseen, err := test.Load()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d and %d images of %d×%d, checksums right", images.N, unseen.N, images.Height, images.Width), nil
}

//go:embed hello.ipynb
var helloNotebook []byte

// helloCell runs a cell through Jupyter's client, the kernelspec, the kernel, GoNB and the compiler.
func helloCell(ctx context.Context, root string) (string, error) {
	dir, err := os.MkdirTemp("", "gantry-doctor-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "hello.ipynb")
	if err := os.WriteFile(path, helloNotebook, 0o600); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var log strings.Builder
	out := filepath.Join(dir, "out")
	if err := RunNotebooks(ctx, NotebookOptions{Root: root, Out: out, Log: &log}, path); err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(out, "hello.ipynb"))
	if err != nil {
		return "", err
	}
	var notebook struct {
		Cells []struct {
			Outputs []struct{ Text any }
		}
	}
	if err := json.Unmarshal(text, &notebook); err != nil {
		return "", err
	}
	if said := fmt.Sprint(notebook.Cells); !strings.Contains(said, "2 + 2 = 4") {
		return "", fmt.Errorf("the cell printed %s instead of 2 + 2 = 4", said)
	}
	return "2 + 2 = 4", nil
}

// missingDriver says what is missing for an NVIDIA GPU, or nothing.
func missingDriver() string {
	if runtime.GOOS != "linux" {
		return "NVIDIA GPUs are supported on Linux (and WSL2) only"
	}
	if !device.GPU() {
		return "no NVIDIA driver is loaded (there is no /dev/nvidiactl), or CUDA_VISIBLE_DEVICES hides its GPUs"
	}
	if _, err := exec.LookPath("nvidia-smi"); err != nil {
		return "nvidia-smi is not on PATH, so the NVIDIA driver is not fully installed"
	}
	return ""
}

// relative shortens a path in the checkout.
func relative(root, path string) string {
	if short, err := filepath.Rel(root, path); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return ""
}
