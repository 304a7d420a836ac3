package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// checkout is the project itself, which `make test` has set up.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	if !exists(venvPython(root)) {
		t.Fatal("the checkout is not set up; run `make setup`")
	}
	return root
}

func TestSecondRunDoesNothing(t *testing.T) {
	var said bytes.Buffer
	if err := Run(t.Context(), Options{Root: checkout(t), Out: &said}); err != nil {
		t.Fatal(err)
	}
	if said.Len() > 0 {
		t.Errorf("a second set-up did something again:\n%s", said.String())
	}
}

// TestHost runs the set-up on hosts that lack something.
func TestHost(t *testing.T) {
	root := checkout(t)
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	script := func(text string) string { return "#!/bin/sh\n" + text + "\n" }
	passOn := script(`exec ` + realGo + ` "$@"`)
	for name, c := range map[string]struct {
		programs map[string]string // all that is on PATH
		want     string
	}{
		"no Go":         {nil, "Go is not installed; install Go 1.26"},
		"no C compiler": {map[string]string{"go": passOn}, "install gcc"},
		"no Python":     {map[string]string{"go": passOn, "gcc": script("")}, "Python is not installed; install Python 3.11"},
		"old Python":    {map[string]string{"go": passOn, "gcc": script(""), "python3": script("echo 3.8; exit 1")}, "python3 is Python 3.8"},
		"Python without venv": {map[string]string{"go": passOn, "gcc": script(""),
			"python3": script("echo \"ModuleNotFoundError: No module named 'ensurepip'\" >&2; exit 1")}, "apt install python3-venv"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for program, text := range c.programs {
				if err := os.WriteFile(filepath.Join(dir, program), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			t.Setenv("PYTHON", "")
			t.Setenv("CC", "gcc")
			err := Run(t.Context(), Options{Root: root, Out: io.Discard})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, want one line with %q", err, c.want)
			}
		})
	}
}

func TestCUDAWithoutDriver(t *testing.T) {
	reason := missingDriver()
	err := Run(t.Context(), Options{Root: checkout(t), CUDA: reason != "", Out: io.Discard})
	if reason == "" {
		return // this machine has a driver, and installing CUDA is not a test's business
	}
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want %q", err, reason)
	}
}

// TestColdAndOffline installs a tool with an empty module cache and no network.
func TestColdAndOffline(t *testing.T) {
	root := checkout(t)
	in := &installer{Options: Options{Root: root, Out: io.Discard}}
	cache := t.TempDir()
	err := in.goCommand(t.Context(), []string{"GOPROXY=off", "GOFLAGS=-modcacherw", "GOMODCACHE=" + cache, "GOBIN=" + cache}, 0, "install", "tool")
	if err == nil || !strings.Contains(err.Error(), "connect once and run `make setup` again") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q, want one line that says to connect", err)
	}
}

// freshCheckout copies the project's sources, without what set-up installs.
func freshCheckout(t *testing.T) string {
	t.Helper()
	from, to := checkout(t), t.TempDir()
	for _, name := range []string{"gan", "kernel-ext"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(from, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestWarmAndOffline sets up the Go side of another checkout from Go's caches alone.
func TestWarmAndOffline(t *testing.T) {
	root := freshCheckout(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://127.0.0.1:1")
	}
	t.Setenv("NO_PROXY", "")
	t.Setenv("no_proxy", "")
	in := &installer{Options: Options{Root: root, Out: io.Discard}}
	for _, s := range []stage{in.toolsStage("key"), in.goplsStage("key"), in.engineStage("key"), in.warmStage("key")} {
		if err := s.run(t.Context()); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		for _, path := range s.makes {
			if !exists(path) {
				t.Errorf("%s did not make %s", s.name, path)
			}
		}
	}
}

// TestInterrupted ends a set-up while it makes the virtual environment, twice: the second one must find the way free and
// the stage still to be done.
func TestInterrupted(t *testing.T) {
	root := freshCheckout(t)
	for range 2 {
		if err := os.RemoveAll(venv(root)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for !exists(venvPython(root)) && ctx.Err() == nil {
				runtime.Gosched()
			}
			cancel()
		}()
		var said bytes.Buffer
		err := Run(ctx, Options{Root: root, Out: &said})
		cancel()
		if err == nil || err.Error() != "interrupted; run `make setup` to go on" || !strings.Contains(said.String(), "» Python packages") {
			t.Errorf("got %v after\n%s", err, said.String())
		}
		if !exists(venvPython(root)) {
			t.Error("it ended before the virtual environment was begun")
		}
	}
}

func TestFailureSaysWhatMatters(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "exit status 1",
		"Collecting x\nERROR: no match": "ERROR: no match",
		"a\nb\n\n":                      "b",
	} {
		if got := failure(text, fmt.Errorf("exit status 1")); got != want {
			t.Errorf("of %q: %q, want %q", text, got, want)
		}
	}
}

func TestLocksArePinned(t *testing.T) {
	var locks []string
	for _, pattern := range []string{"../*/requirements*.lock", "../*/*/requirements*.lock"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		locks = append(locks, found...)
	}
	if len(locks) < 10 {
		t.Errorf("only %d locks were found: %q", len(locks), locks)
	}
	for _, name := range locks {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lock := string(text)
		if strings.Contains(lock, "://") || strings.Contains(lock, "--index") {
			t.Errorf("%s names an index", name)
		}
		requirement := regexp.MustCompile(`(?m)^[a-z0-9][^ =<>]*(.*)$`)
		for _, line := range requirement.FindAllString(lock, -1) {
			if !strings.Contains(line, "==") {
				t.Errorf("%s: %q has no exact version", name, line)
			}
		}
		if packages, hashed := len(requirement.FindAllString(lock, -1)), len(regexp.MustCompile(`(?m)\\\n    --hash=sha256:`).FindAllString(lock, -1)); hashed < packages {
			t.Errorf("%s: %d packages and %d with hashes", name, packages, hashed)
		}
	}
	for _, want := range []string{"jupyterlab==", "nbclient==", "nbconvert==", "jupyterlab-widgets==", "xla-cpu-pjrt==0.0.1"} {
		if !strings.Contains(pythonLock, "\n"+want) {
			t.Errorf("requirements.lock lacks %s", want)
		}
	}
}

func TestKernelspec(t *testing.T) {
	root := checkout(t)
	text, err := os.ReadFile(filepath.Join(KernelspecDir(root), "kernel.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec kernelspec
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	if spec.InterruptMode != "message" || spec.Language != "go" || spec.Env["GOEXPERIMENT"] != "simd" {
		t.Errorf("kernelspec: %s", text)
	}
	if !filepath.IsAbs(spec.Argv[0]) || !exists(spec.Argv[0]) {
		t.Errorf("the kernel's program is %q", spec.Argv[0])
	}
	if backend, found := spec.Env["GOMLX_BACKEND"]; found {
		t.Errorf("the kernelspec would replace the backend that a person chose by %s", backend)
	}
	if strings.Contains(spec.Env["GOFLAGS"], "-mod=mod") {
		t.Errorf("GOFLAGS=%s lets cells fetch modules", spec.Env["GOFLAGS"])
	}
}

// TestChapters runs every chapter of the course through Jupyter's client and the real kernel, with small budgets.
func TestChapters(t *testing.T) {
	root := checkout(t)
	chapters, err := filepath.Glob(filepath.Join(root, "notebooks", "*.ipynb"))
	if err != nil || len(chapters) < 3 {
		t.Fatalf("found %d chapters: %v", len(chapters), err)
	}
	work := t.TempDir() // chapters write beside themselves
	for _, chapter := range chapters {
		t.Run(filepath.Base(chapter), func(t *testing.T) {
			text, err := os.ReadFile(chapter)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(work, filepath.Base(chapter))
			if err := os.WriteFile(copied, text, 0o600); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			o := NotebookOptions{Root: root, Out: filepath.Join(work, "out"), Fast: true, HTML: true, Log: &log}
			if err := RunNotebooks(t.Context(), o, copied); err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			checkOutputs(t, filepath.Join(o.Out, filepath.Base(chapter)))
			if page, err := os.ReadFile(filepath.Join(o.Out, strings.TrimSuffix(filepath.Base(chapter), ".ipynb")+".html")); err != nil || !bytes.Contains(page, []byte("image/png;base64")) {
				t.Errorf("the web page has no picture (%v)", err)
			}
		})
		t.Run(filepath.Base(chapter)+" as committed", func(t *testing.T) { checkOutputs(t, chapter) })
	}
}

// checkOutputs looks for cells without a run, errors, and a notebook without pictures.
func checkOutputs(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var notebook struct {
		Cells []struct {
			Type    string `json:"cell_type"`
			Count   *int   `json:"execution_count"`
			Outputs []struct {
				Type string `json:"output_type"`
				Name string
				Text any
				Data map[string]any
			}
		}
	}
	if err := json.Unmarshal(text, &notebook); err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for i, cell := range notebook.Cells {
		if cell.Type != "code" {
			continue
		}
		if cell.Count == nil {
			t.Errorf("cell %d was not run", i)
		}
		for _, o := range cell.Outputs {
			switch {
			case o.Type == "error":
				t.Errorf("cell %d ended in an error", i)
			case o.Name == "stderr":
				t.Errorf("cell %d wrote to standard error: %v", i, o.Text)
			case o.Data["image/png"] != nil || strings.Contains(fmt.Sprint(o.Data["text/html"]), "image/png"):
				pictures++
			}
		}
	}
	if pictures < 3 {
		t.Errorf("%d pictures, want at least 3", pictures)
	}
}

// writeNotebook writes a notebook of code cells.
func writeNotebook(t *testing.T, path string, sources ...string) {
	t.Helper()
	var cells []any
	for _, source := range sources {
		cells = append(cells, map[string]any{"cell_type": "code", "id": hash(source)[:8], "metadata": map[string]any{}, "source": source,
			"execution_count": nil, "outputs": []any{}})
	}
	if err := writeJSON(path, map[string]any{"nbformat": 4, "nbformat_minor": 5, "metadata": map[string]any{}, "cells": cells}); err != nil {
		t.Fatal(err)
	}
}

// TestCellTimeout wants a cell that does not end to be ended and named, and the notebook written as far as it came.
func TestCellTimeout(t *testing.T) {
	root, dir := checkout(t), t.TempDir()
	path := filepath.Join(dir, "endless.ipynb")
	writeNotebook(t, path, "import \"time\"\n%%\nfor {\n\ttime.Sleep(time.Second)\n}", "%%\nprintln(2)")
	err := RunNotebooks(t.Context(), NotebookOptions{Root: root, Out: dir + "/out", Log: io.Discard, Timeout: 2 * time.Second}, path)
	const want = `endless.ipynb: cell 1 of 2 (import "time") did not end within 2 s; --timeout gives it more`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := os.Stat(dir + "/out/endless.ipynb"); err != nil {
		t.Error(err)
	}
}

func TestFailingCellIsNamed(t *testing.T) {
	root, dir := checkout(t), t.TempDir()
	path := filepath.Join(dir, "broken.ipynb")
	writeNotebook(t, path, "import \"fmt\"\n%%\nfmt.Println(1)", "%%\nvar x int = \"text\"\nfmt.Println(x)", "%%\nfmt.Println(3)")
	var log strings.Builder
	err := RunNotebooks(t.Context(), NotebookOptions{Root: root, Out: dir + "/out", Log: &log}, path)
	if err == nil || !strings.Contains(err.Error(), "broken.ipynb: cell 2 of 3 failed") || !strings.Contains(err.Error(), "cannot use") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(log.String(), "cell  3") {
		t.Error("cells after the failing one were run")
	}
	if err := RunNotebooks(t.Context(), NotebookOptions{Root: root, Out: dir, Log: io.Discard}, dir+"/none.ipynb"); err == nil || !strings.Contains(err.Error(), "no notebook") {
		t.Errorf("of a missing notebook: %v", err)
	}
}

func TestDoctor(t *testing.T) {
	root := checkout(t)
	var findings []Finding
	broken := func(context.Context, string) (string, error) { return "", fmt.Errorf("the plugin is damaged") }
	if Doctor(t.Context(), root, broken, func(f Finding) { findings = append(findings, f) }) {
		t.Error("the doctor finds nothing wrong with a broken backend")
	}
	for _, f := range findings {
		isBackend := strings.HasPrefix(f.Part, "backend: ")
		if f.OK == isBackend && f.Needed {
			t.Errorf("%s: ok %v, %s", f.Part, f.OK, f.Detail)
		}
		if !f.OK && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.Part)
		}
	}
	if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Part == "kernel: a cell that prints" && f.OK }) {
		t.Error("the hello cell did not run")
	}
}

// TestLab serves JupyterLab, asks it for its kernels, and ends it as Ctrl-C does.
func TestLab(t *testing.T) {
	root := checkout(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	reader, writer := io.Pipe()
	go func() {
		err := Lab(ctx, LabOptions{Root: root, Port: port, NoBrowser: true, Log: writer})
		writer.Close()
		ended <- err
	}()
	address := make(chan string, 1)
	var log bytes.Buffer
	go io.Copy(io.Discard, io.TeeReader(reader, &lines{keep: &log, each: func(line string) {
		if i := strings.Index(line, "http://127.0.0.1:"); i >= 0 {
			select {
			case address <- line[i:]:
			default:
			}
		}
	}}))
	var page string
	select {
	case page = <-address:
	case err := <-ended:
		t.Fatalf("JupyterLab ended: %v\n%s", err, log.String())
	case <-time.After(time.Minute):
		t.Fatal("JupyterLab printed no address within a minute")
	}
	_, token, found := strings.Cut(page, "token=")
	if !found || !strings.Contains(page, "00-start.ipynb") {
		t.Fatalf("the address is %s; want the first chapter with a token", page)
	}
	get := func(url string) string {
		response, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", url, response.Status, err)
		}
		return string(body)
	}
	var specs struct{ Default string }
	if err := json.Unmarshal([]byte(get(fmt.Sprintf("http://127.0.0.1:%d/api/kernelspecs?token=%s", port, token))), &specs); err != nil || specs.Default != KernelName {
		t.Errorf("the default kernel is %q (%v), want %s", specs.Default, err, KernelName)
	}
	if !strings.Contains(get(page), "jupyter-config-data") {
		t.Error("the page is not JupyterLab's")
	}
	kernelAtUnixSockets(t, fmt.Sprintf("http://127.0.0.1:%d/api/kernels", port), token, filepath.Join(venv(root), "jupyter", "runtime"))
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after Ctrl-C: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("JupyterLab is still there 30 s after Ctrl-C")
	}
	if info, err := os.Stat(filepath.Join(venv(root), "jupyter", "runtime")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the runtime folder: %v, %v; want only its owner to see it", info.Mode(), err)
	}
}

// kernelAtUnixSockets lets JupyterLab start a kernel, which must listen at private Unix sockets, and end it, which must leave
// none.
func kernelAtUnixSockets(t *testing.T, kernels, token, runtimeDir string) {
	t.Helper()
	ask := func(method, url, body string) []byte {
		request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "token "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		said, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode >= 300 {
			t.Fatalf("%s %s: %s %s %v", method, url, response.Status, said, err)
		}
		return said
	}
	var kernel struct{ ID string }
	if err := json.Unmarshal(ask(http.MethodPost, kernels, `{"name": "gantry"}`), &kernel); err != nil {
		t.Fatal(err)
	}
	var connection struct{ Transport, IP string }
	text, err := os.ReadFile(filepath.Join(runtimeDir, "kernel-"+kernel.ID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &connection); err != nil || connection.Transport != "ipc" {
		t.Fatalf("the kernel's transport is %q (%v), want ipc", connection.Transport, err)
	}
	folder := filepath.Dir(connection.IP)
	until := func(what string, holds func() bool) {
		for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("30 s, and still not: %s", what)
			}
		}
	}
	until("five sockets of mode 0600 in a folder of mode 0700", func() bool {
		sockets, _ := filepath.Glob(connection.IP + "-*")
		for _, socket := range sockets {
			if info, err := os.Lstat(socket); err != nil || info.Mode() != os.ModeSocket|0o600 {
				return false
			}
		}
		info, err := os.Lstat(folder)
		return len(sockets) == 5 && err == nil && info.Mode().Perm() == 0o700
	})
	ask(http.MethodDelete, kernels+"/"+kernel.ID, "")
	until("the folder of the sockets is gone", func() bool {
		_, err := os.Lstat(folder)
		return errors.Is(err, os.ErrNotExist)
	})
}

// TestDoctorFashion wants the one set that set-up does not fetch to be looked for, and not to be needed.
func TestDoctorFashion(t *testing.T) {
	t.Setenv("GANTRY_FASHION_MNIST", t.TempDir())
	for _, c := range checks(t.TempDir(), nil) {
		if c.part != "Fashion-MNIST" {
			continue
		}
		if _, err := c.use(t.Context()); err == nil || c.needed || !strings.Contains(c.remedy, "apt install dataset-fashion-mnist") {
			t.Errorf("an empty folder: error %v, needed %v, remedy %q", err, c.needed, c.remedy)
		}
		return
	}
	t.Error("nothing looks for Fashion-MNIST")
}
