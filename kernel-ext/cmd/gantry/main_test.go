package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asCommand makes the test binary behave as gantry, so that tests see real processes.
const asCommand = "GANTRY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	serveRun()
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), asCommand+"=1", "GOMLX_BACKEND=")
	return c
}

// gantry runs a command line and returns what it printed and its exit code.
func gantry(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := command(t, args...)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), log.String(), c.ProcessState.ExitCode()
}

// small is a training that takes no time.
func small(out string, more ...string) []string {
	return append([]string{"train", "--recipe", "mlp", "--batch", "8", "--seed", "5", "--out", out}, more...)
}

func TestWrongUse(t *testing.T) {
	used := t.TempDir()
	if err := os.WriteFile(filepath.Join(used, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, `unknown command "trian"`, []string{"trian"}},
		{2, "unknown flag: --stepps", []string{"train", "--stepps", "3"}},
		{2, "--steps 0: want at least 1", small(none, "--steps", "0")},
		{2, "--steps -5: want at least 1", small(none, "--steps", "-5")},
		{2, "--batch 0: want at least 1", []string{"train", "--batch", "0", "--out", none}},
		{2, "want a multiple of 2", []string{"train", "--recipe", "dcgan", "--batch", "7", "--out", none}},
		{2, "--max-time -1s", small(none, "--max-time", "-1s")},
		{2, "--out is missing", []string{"train", "--steps", "3"}},
		{2, `unknown recipe "gan": use one of article, `, []string{"train", "--recipe", "gan", "--out", none}},
		{2, `unknown data set "cifar": use one of mnist, mnist-test, `, []string{"train", "--data", "cifar", "--out", none}},
		{2, `unknown backend "tpu": use one of xla:cpu`, small(none, "--backend", "tpu")},
		{1, "is not empty; add --resume", small(used)},
		{1, "holds no run to resume", small(none, "--resume")},
		{2, "--run is missing", []string{"sample", "--out", "a.png"}},
		{2, "--n 0: want at least 1", []string{"sample", "--run", used, "--n", "0", "--out", "a.png"}},
		{2, `data set "ring,m=3": `, []string{"train", "--data", "ring,m=3", "--out", none}},
		{2, "ends in .npy, .png or .txt", []string{"sample", "--run", used, "--out", "a.gif"}},
		{2, "--class -2: want 0 or more", []string{"sample", "--run", used, "--class", "-2", "--out", "a.png"}},
		{2, "--truncate 1.5: want 0 to 1", []string{"sample", "--run", used, "--truncate", "1.5", "--out", "a.png"}},
		{1, "is not a run folder", []string{"sample", "--run", used, "--out", none + ".png"}},
		{2, "--run is missing", []string{"export", "--out", "a.onnx"}},
		{2, "--batch 0: want at least 1", []string{"export", "--run", used, "--batch", "0", "--out", "a.onnx"}},
		{2, "ends in .onnx or .safetensors", []string{"export", "--run", used, "--out", "a.pt"}},
		{1, "is not a run folder", []string{"export", "--run", used, "--out", none + ".onnx"}},
		{2, "--out is missing", []string{"nbrun", "a.ipynb"}},
		{2, "name the notebooks to execute", []string{"nbrun", "--out", none}},
		{2, "--connection-file is missing", []string{"kernel"}},
		{2, "--port 70000: want 1 to 65535", []string{"lab", "--port", "70000"}},
	} {
		_, stderr, code := gantry(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("gantry %s: exit code %d and %q; want %d and one line with %q", strings.Join(c.args, " "), code, stderr, c.code, c.want)
		}
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("wrong use left a run folder behind")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTrainInPieces trains to step 12 at once, and in two pieces, and wants the same weights, byte for byte.
func TestTrainInPieces(t *testing.T) {
	whole, pieces := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "pieces")
	stdout, stderr, code := gantry(t, small(whole, "--steps", "12", "--json")...)
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var last reported
	text := []byte(lines[len(lines)-1])
	keys := map[string]float64{}
	if err := json.Unmarshal(text, &keys); err != nil {
		t.Errorf("the last JSON line has something else than numbers: %v", err)
	}
	if got, want := strings.Join(slices.Sorted(maps.Keys(keys)), " "), "critic_gradient critic_loss epoch fake_accuracy fake_logit generator_gradient "+
		"generator_loss penalty real_accuracy real_logit seconds step steps_per_second"; got != want {
		t.Errorf("a JSON line has %s, want %s", got, want)
	}
	if err := json.Unmarshal(text, &last); err != nil || last.Step != 12 || last.CriticLoss == 0 || last.GeneratorLoss == 0 || last.StepsPerSecond <= 0 {
		t.Errorf("the last JSON line is %q (%v)", lines[len(lines)-1], err)
	}
	if string(read(t, filepath.Join(whole, progressFile))) != stdout {
		t.Error("progress.jsonl differs from --json's output")
	}
	if _, stderr, code = gantry(t, small(pieces, "--steps", "7")...); code != 0 {
		t.Fatal(stderr)
	}
	if _, stderr, code = gantry(t, "train", "--steps", "12", "--resume", "--out", pieces); code != 0 || !strings.Contains(stderr, "resuming at step 7") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, name := range []string{"generator.safetensors", "critic.safetensors"} {
		if !bytes.Equal(read(t, filepath.Join(whole, name)), read(t, filepath.Join(pieces, name))) {
			t.Errorf("%s: trained in pieces, it differs from trained at once", name)
		}
	}

	t.Run("again", func(t *testing.T) {
		if _, stderr, code := gantry(t, "train", "--steps", "12", "--resume", "--out", pieces); code != 0 || !strings.Contains(stderr, "at step 12 already") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	})
	t.Run("other settings", func(t *testing.T) {
		if _, stderr, code := gantry(t, "train", "--steps", "20", "--resume", "--seed", "6", "--out", pieces); code != 1 || !strings.Contains(stderr, "seed is 5 there and 6 here") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	})
	t.Run("a truncated checkpoint", func(t *testing.T) {
		newest := filepath.Join(pieces, "checkpoints", "checkpoint-0000000012.safetensors")
		if err := os.Truncate(newest, 1000); err != nil {
			t.Fatal(err)
		}
		_, stderr, code := gantry(t, "train", "--steps", "12", "--resume", "--out", pieces)
		// The one before is that of step 7, or of a slow step after it, for such are saved at once.
		resumed := regexp.MustCompile(`resuming at step ([7-9]|1[01])\b`).MatchString(stderr)
		if code != 0 || !strings.Contains(stderr, "checkpoint-0000000012.safetensors: damaged file") || !strings.Contains(stderr, "using the checkpoint before it") || !resumed {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		if !bytes.Equal(read(t, filepath.Join(whole, "generator.safetensors")), read(t, filepath.Join(pieces, "generator.safetensors"))) {
			t.Error("from the checkpoint before, training led elsewhere")
		}
	})
	t.Run("samples", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "s.npy")
		if _, stderr, code := gantry(t, "sample", "--run", whole, "--n", "3", "--seed", "9", "--out", file); code != 0 {
			t.Fatal(stderr)
		}
		npy := read(t, file)
		header := 10 + int(binary.LittleEndian.Uint16(npy[8:]))
		if string(npy[:6]) != "\x93NUMPY" || header%64 != 0 || !strings.Contains(string(npy[:header]), "'shape': (3, 28, 28, 1)") || len(npy) != header+3*28*28*4 {
			t.Errorf("%d bytes with header %q", len(npy), npy[:min(header, len(npy))])
		}
		if _, stderr, code := gantry(t, "sample", "--run", whole, "--n", "100", "--out", file+".png"); code != 0 {
			t.Fatal(stderr)
		}
		if !bytes.HasPrefix(read(t, file+".png"), []byte("\x89PNG")) {
			t.Error("the picture is no PNG")
		}
	})
}

// training starts a `gantry train --json` and returns it once it has reported a step, with what it prints and what it logs.
func training(t *testing.T, args ...string) (c *exec.Cmd, first reported, out io.ReadCloser, log *bytes.Buffer) {
	t.Helper()
	c, log = command(t, args...), &bytes.Buffer{}
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(out).Decode(&first); err != nil {
		t.Fatalf("no progress: %v\n%s", err, log.String())
	}
	return c, first, out, log
}

// TestInterrupt presses Ctrl-C while it trains: the state is saved, and a resumed run ends where an undisturbed one does.
func TestInterrupt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c, _, out, log := training(t, small(dir, "--steps", "100000", "--json")...)
	_, stderr, code := gantry(t, small(dir, "--steps", "100000")...)
	if code != 1 || !strings.Contains(stderr, "another process is training in") {
		t.Errorf("a second process in the same folder: exit code %d: %s", code, stderr)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	go func() { var rest bytes.Buffer; rest.ReadFrom(out) }()
	if err := c.Wait(); c.ProcessState.ExitCode() != 1 || !strings.Contains(log.String(), "is saved, go on with --resume") {
		t.Fatalf("after Ctrl-C: %v\n%s", err, log.String())
	}
	if _, stderr, code := gantry(t, "train", "--steps", "1", "--resume", "--out", dir); code != 0 || !strings.Contains(stderr, "already") {
		t.Errorf("resuming: exit code %d: %s", code, stderr)
	}
}

// TestReaderGoes closes the pipe that the progress goes to: the run saves and ends.
func TestReaderGoes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c, first, out, log := training(t, small(dir, "--steps", "100000", "--json")...)
	out.Close()
	if err := c.Wait(); c.ProcessState.ExitCode() != 1 || !strings.Contains(log.String(), "broken pipe; what was trained is saved, go on with --resume") {
		t.Fatalf("%v\n%s", err, log.String())
	}
	_, stderr, code := gantry(t, "train", "--steps", "1", "--resume", "--out", dir)
	step := regexp.MustCompile(`is at step (\d+) already`).FindStringSubmatch(stderr)
	if code != 0 || step == nil {
		t.Fatalf("resumed: exit code %d, %s", code, stderr)
	}
	if at, _ := strconv.Atoi(step[1]); at < first.Step {
		t.Errorf("it stands at step %d, and has reported step %d", at, first.Step)
	}
}

// TestVersion wants what a report of a fault should name: version, commit, and the plugin with its API and content.
func TestVersion(t *testing.T) {
	out, stderr, code := gantry(t, "--version")
	plugin := regexp.MustCompile(`(?m)^plugin /.*\.so, PJRT API \d+\.\d+, sha256 [0-9a-f]{16}$`)
	if code != 0 || stderr != "" || !strings.HasPrefix(out, "gantry "+version+"\ncommit ") || !strings.Contains(out, "\nbuilt with go1.") || !plugin.MatchString(out) {
		t.Errorf("exit code %d, %q and:\n%s", code, stderr, out)
	}
	if other, _, _ := gantry(t, "--version"); other != out {
		t.Errorf("a second time it says:\n%s", other)
	}
}
