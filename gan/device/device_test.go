package device

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// openVariable makes the test binary open the backend it names and print the error, instead of testing.
const openVariable = "GANTRY_TEST_OPEN"

func TestMain(m *testing.M) {
	name, found := os.LookupEnv(openVariable)
	if !found {
		os.Exit(m.Run())
	}
	backend, err := Open(name)
	if err == nil {
		backend.Finalize()
	}
	fmt.Println(err)
}

const (
	cpuPath  = ".venv/lib/python3.13/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so"
	cudaPath = ".venv/lib/python3.13/site-packages/jax_plugins/xla_cuda12/xla_cuda_plugin.so"
)

// project makes a folder with the given plugins, which hold garbage, the only project that Resolve can find.
func project(t *testing.T, plugins ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, plugin := range plugins {
		path := filepath.Join(root, filepath.FromSlash(plugin))
		err := os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = os.WriteFile(path, []byte(strings.Repeat("this is no plugin\n", 100)), 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(EnvRoot, root)
	t.Setenv(EnvBackend, "")
	t.Chdir(root)
	drivers(t)
	return root
}

// drivers makes files of a driver all that is there.
func drivers(t *testing.T, files ...string) {
	before := driverFiles
	t.Cleanup(func() { driverFiles = before })
	driverFiles = files
}

// TestGPU takes a GPU where there are a driver and a plugin, unless it is hidden or another backend is asked for.
func TestGPU(t *testing.T) {
	for _, c := range []struct {
		plugins             []string
		driver              bool
		visible, chose, get string
	}{
		{[]string{cpuPath, cudaPath}, true, "0", "", "cuda"},
		{[]string{cpuPath, cudaPath}, false, "0", "", "cpu"},
		{[]string{cpuPath, cudaPath}, true, "", "", "cpu"},
		{[]string{cpuPath, cudaPath}, true, "-1", "", "cpu"},
		{[]string{cpuPath, cudaPath}, true, "0", "xla:cpu", "cpu"},
		{[]string{cpuPath}, true, "0", "", "cpu"},
		{[]string{cudaPath}, false, "0", "", "go"},
	} {
		root := project(t, c.plugins...)
		if c.driver {
			drivers(t, filepath.Join(root, "none"), root)
		}
		t.Setenv("CUDA_VISIBLE_DEVICES", c.visible)
		t.Setenv(EnvBackend, c.chose)
		choice, err := Resolve("")
		if base := filepath.Base(choice.Config); err != nil || !strings.Contains(base, c.get) {
			t.Errorf("%+v: %+v, %v", c, choice, err)
		}
	}
}

func TestResolve(t *testing.T) {
	root := project(t, cpuPath, cudaPath)
	cpu, cuda := filepath.Join(root, cpuPath), filepath.Join(root, cudaPath)
	for _, c := range []struct {
		name, environment string
		want              Choice
	}{
		{"", "", Choice{"xla:" + cpu, cpu, "XLA on the CPU, the default"}},
		{"", "go", Choice{"go", "", "pure Go backend, from GOMLX_BACKEND"}},
		{"", "xla:cpu", Choice{"xla:" + cpu, cpu, "XLA on the CPU, from GOMLX_BACKEND"}},
		{"", "xla:cuda", Choice{"xla:" + cuda, cuda, "XLA on an NVIDIA GPU, from GOMLX_BACKEND"}},
		{"go", "xla:cuda", Choice{"go", "", "pure Go backend, asked for"}},
		{"xla", "", Choice{"xla:" + cpu, cpu, "XLA on the CPU, asked for"}},
		{"xla:cpu", "go", Choice{"xla:" + cpu, cpu, "XLA on the CPU, asked for"}},
		{"xla:cuda", "", Choice{"xla:" + cuda, cuda, "XLA on an NVIDIA GPU, asked for"}},
		{"xla:" + cpu, "", Choice{"xla:" + cpu, cpu, "XLA plugin xla_cpu_pjrt.so, asked for"}},
		{"xla:" + cpu + ",a=b", "", Choice{"xla:" + cpu + ",a=b", cpu, "XLA plugin xla_cpu_pjrt.so, asked for"}},
		{"", "xla:" + cpu, Choice{"xla:" + cpu, cpu, "XLA plugin xla_cpu_pjrt.so, from GOMLX_BACKEND"}},
	} {
		t.Setenv(EnvBackend, c.environment)
		if got, err := Resolve(c.name); err != nil || got != c.want {
			t.Errorf("Resolve(%q) with %s=%q is %+v, %v, want %+v", c.name, EnvBackend, c.environment, got, err, c.want)
		}
	}
}

// TestResolveFromBelow finds the project above the working directory, and passes over a relative GANTRY_ROOT.
func TestResolveFromBelow(t *testing.T) {
	root := project(t, cpuPath)
	below := filepath.Join(root, "notebooks", "deep")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	for _, environment := range []string{"", "some/folder", t.TempDir()} {
		t.Setenv(EnvRoot, environment)
		if got, err := Resolve("xla:cpu"); err != nil || !strings.HasSuffix(got.Plugin, cpuPath) {
			t.Errorf("with %s=%q: %+v, %v", EnvRoot, environment, got, err)
		}
	}
}

// TestDefectResolveOddRoot has characters in the project's path that mean something to filepath.Glob.
func TestDefectResolveOddRoot(t *testing.T) {
	root := filepath.Join(project(t), "work [1")
	path := filepath.Join(root, cpuPath)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, nil, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(EnvRoot, root)
	if got, err := Resolve("xla:cpu"); err != nil || got.Plugin != path {
		t.Errorf("with the project in %q its plugin is not found: %+v, %v", root, got, err)
	}
}

// TestNoPlugin has no plugin: the default says aloud that it is the Go backend, the rest says what to install.
func TestNoPlugin(t *testing.T) {
	root := project(t)
	choice, err := Resolve("")
	if err != nil {
		t.Fatal(err)
	}
	if choice.Config != "go" || choice.Plugin != "" {
		t.Errorf("the default is %+v, want the Go backend", choice)
	}
	requireWords(t, choice.Reason, "pure Go backend", "no XLA plugin is installed", "slower", "make setup")
	for name, remedy := range map[string]string{"xla": "make setup", "xla:cpu": "make setup",
		"xla:cuda": "gantry setup --cuda"} {
		_, err := Resolve(name)
		requireError(t, err, "backend "+name, "not installed", remedy)
	}
	missing := filepath.Join(root, "plugin.so")
	_, err = Resolve("xla:" + missing)
	requireError(t, err, "no plugin "+missing, "make setup", EnvBackend)
	if choices := Installed(); len(choices) != 1 || choices[0].Config != "go" {
		t.Errorf("installed are %+v, want the Go backend alone", choices)
	}
}

func TestUnknown(t *testing.T) {
	project(t, cpuPath)
	for _, name := range []string{"tpu", "GO", "go:1", "xla:relative.so", "xla:gpu", "cpu", " "} {
		_, err := Resolve(name)
		requireError(t, err, append(Names(), fmt.Sprintf("unknown backend %q", name))...)
		if _, err := Open(name); err == nil {
			t.Errorf("Open(%q) opened something", name)
		}
		t.Setenv(EnvBackend, name)
		if _, err := Resolve(""); err == nil {
			t.Errorf("%s=%q was passed over silently", EnvBackend, name)
		}
	}
}

func TestInstalled(t *testing.T) {
	root := project(t, cpuPath, cudaPath)
	var got []string
	for _, choice := range Installed() {
		got = append(got, choice.Config)
	}
	want := fmt.Sprint([]string{"xla:" + filepath.Join(root, cpuPath), "xla:" + filepath.Join(root, cudaPath), "go"})
	if fmt.Sprint(got) != want {
		t.Errorf("installed are %v, want %v", got, want)
	}
}

// TestOpen runs the real plugins.
func TestOpen(t *testing.T) {
	for name, want := range map[string]string{"xla:cpu": "xla", "go": "go"} {
		backend, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if backend.Name() != want {
			t.Errorf("Open(%q) is %s, want %s", name, backend.Name(), want)
		}
		backend.Finalize()
	}
}

// TestDamagedPlugin opens plugins that are none: garbage, an empty file, a folder. A crash would be the child's.
func TestDamagedPlugin(t *testing.T) {
	root := project(t, cpuPath)
	path := filepath.Join(root, cpuPath)
	for damage, spoil := range map[string]func() error{
		"garbage": func() error { return nil },
		"empty":   func() error { return os.Truncate(path, 0) },
		"unreadable ELF": func() error {
			return os.WriteFile(path, append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 4096)...), 0o700)
		},
		"folder": func() error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(strings.ReplaceAll(damage, " ", "_"), func(t *testing.T) {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Repeat("garbage\n", 100)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			requireWords(t, openInChild(t, "xla:cpu"), path, "gantry setup --repair")
		})
	}
}

// TestDefectTruncatedPlugin opens the first MiB of the real plugin, as an interrupted installation leaves it.
func TestDefectTruncatedPlugin(t *testing.T) {
	genuine, err := Resolve("xla:cpu")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(project(t, cpuPath), cpuPath)
	if err := copyHead(path, genuine.Plugin, 1<<20); err != nil {
		t.Fatal(err)
	}
	requireWords(t, openInChild(t, "xla:cpu"), path, "gantry setup --repair")
}

func copyHead(to, from string, n int64) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	content, err := io.ReadAll(io.LimitReader(source, n))
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o700)
}

// openInChild returns the one line that a child process prints when it opens the backend.
func openInChild(t *testing.T, name string) string {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, executable)
	child.Env = append(os.Environ(), openVariable+"="+name)
	var errors strings.Builder
	child.Stderr = &errors
	out, err := child.Output()
	if err != nil {
		t.Fatalf("opening crashed: %v\n%s%.300s…", err, out, errors.String())
	}
	line := strings.TrimSuffix(string(out), "\n")
	if strings.Contains(line, "\n") || strings.Contains(errors.String(), "goroutine") {
		t.Errorf("the error is not one clear line: %.1500s\n%.1500s", line, errors.String())
	}
	return line
}

func requireError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there was no error, want %q", words)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
	requireWords(t, err.Error(), words...)
}

func requireWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}
