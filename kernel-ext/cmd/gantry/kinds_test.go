package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/gan/method"
	"gantry.local/gan/recipe"
	"gantry.local/gan/safetensors"
	"gantry.local/kernel-ext/lab"
)

// must runs a command line that has to succeed.
func must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := gantry(t, args...)
	if code != 0 {
		t.Fatalf("gantry %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout, stderr
}

// picture returns the size of a PNG file.
func picture(t *testing.T, path string) (width, height int) {
	t.Helper()
	config, err := png.DecodeConfig(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return config.Width, config.Height
}

// TestRunInfo wants every recipe to find its own data again.
func TestRunInfo(t *testing.T) {
	for _, r := range recipe.All() {
		own, err := r.Make().Game()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", own.DataName()} {
			of, err := lab.Recipe{Name: r.Name, Data: name, Batch: 8, Seed: 3}.Description()
			if err != nil {
				t.Errorf("%s with data %q: %v", r.Name, name, err)
				continue
			}
			game, err := of.Game()
			if err != nil || game.DataName() != own.DataName() || game.BatchSize != 8 || game.Seed != 3 {
				t.Errorf("%s with data %q: set %q, batch %d, seed %d, %v", r.Name, name, game.DataName(), game.BatchSize, game.Seed, err)
			}
		}
	}
}

// TestPoints trains on points in the plane, which the linter has something to say about.
func TestPoints(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	few := []string{"train", "--recipe", "toy", "--data", "moons,n=200", "--out", dir}
	stdout, stderr, code := gantry(t, append(few, "--check")...)
	if code != 1 || !strings.HasPrefix(stdout, "batch of the whole data: ") || strings.Count(stdout, "\n") != 1 || !strings.Contains(stderr, "found 1 mistake") {
		t.Errorf("--check: exit code %d, %q and %q", code, stdout, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("--check made a run folder")
	}
	if _, stderr = must(t, append(few, "--steps", "3")...); !strings.Contains(stderr, "warning: batch of the whole data: ") {
		t.Errorf("training gives no warning: %q", stderr)
	}
	if w, h := picture(t, filepath.Join(dir, "samples.png")); w != 960 || h != 960 {
		t.Errorf("samples.png is %d×%d, want a scatter of 960×960", w, h)
	}
	if info, _, err := lab.RecipeIn(dir); err != nil || info.Data != "moons,n=200" || info.Batch != 128 {
		t.Errorf("run.json holds %+v, %v", info, err)
	}
	must(t, "train", "--steps", "4", "--resume", "--out", dir) // from the file alone
	if stdout, _ := must(t, "train", "--recipe", "toy", "--check"); stdout != "the linter found nothing in recipe toy on ring\n" {
		t.Errorf("--check of a good recipe says %q", stdout)
	}

	file := filepath.Join(t.TempDir(), "a.png")
	for want, args := range map[string][]string{
		"is not class-conditional; leave it out": {"--class", "1", "--out", file},
		"makes no text; ask for .png or .npy":    {"--out", file + ".txt"},
	} {
		if _, stderr, code := gantry(t, append([]string{"sample", "--run", dir}, args...)...); code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("sample %v: exit code %d and %q, want %q", args, code, stderr, want)
		}
	}
	must(t, "sample", "--run", dir, "--n", "7", "--truncate", "0", "--out", file+".npy")
	npy := read(t, file+".npy")
	values := npy[len(npy)-7*2*4:]
	if !bytes.Contains(npy, []byte("'shape': (7, 1, 1, 2)")) || !bytes.Equal(values[:8], values[48:]) {
		t.Error("latents shrunk to 0 do not make one point seven times")
	}
}

// TestTranslation trains what makes no samples: its picture has digits, and below each row what is made of them.
func TestTranslation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	must(t, "train", "--recipe", "cyclegan", "--batch", "4", "--steps", "2", "--out", dir)
	if w, h := picture(t, filepath.Join(dir, "samples.png")); w != h || w < 10*28 {
		t.Errorf("samples.png is %d×%d, want ten rows of ten digits", w, h)
	}
}

// TestText samples strings.
func TestText(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "a.txt")
	must(t, "train", "--recipe", "phrases", "--batch", "4", "--steps", "1", "--out", dir)
	if w, _ := picture(t, filepath.Join(dir, "samples.png")); w != 960 {
		t.Errorf("samples.png is %d pixels wide, want a page of text", w)
	}
	must(t, "sample", "--run", dir, "--n", "5", "--out", file)
	lines := strings.Split(string(read(t, file)), "\n")
	if len(lines) != 6 || lines[5] != "" {
		t.Fatalf("%q, want five lines", lines)
	}
	for _, line := range lines[:5] {
		if len(line) > 16 || strings.Trim(line, " abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("%q has characters that the data has not", line)
		}
	}
}

// TestClasses samples and exports a class-conditional generator.
func TestClasses(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "a")
	stdout, _ := must(t, "train", "--recipe", "cgan", "--batch", "4", "--steps", "1", "--json", "--out", dir)
	var line map[string]any
	if err := json.Unmarshal([]byte(stdout), &line); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"penalty", "real_accuracy", "fake_accuracy", "critic_gradient", "generator_gradient"} {
		if _, found := line[key].(float64); !found {
			t.Errorf("--json has no %s: %s", key, stdout)
		}
	}
	if !strings.HasPrefix(stdout, `{"step":1,"seconds":`) {
		t.Errorf("--json begins with other keys than before: %s", stdout)
	}
	must(t, "sample", "--run", dir, "--n", "30", "--out", file+".png")
	if w, h := picture(t, file+".png"); w != 2+3*58 || h != 2+10*58 {
		t.Errorf("30 samples are a picture of %d×%d, want a row of three for each class", w, h)
	}
	must(t, "sample", "--run", dir, "--n", "12", "--class", "3", "--out", file+".png")
	if w, h := picture(t, file+".png"); w != 2+10*58 || h != 2+2*58 {
		t.Errorf("12 samples of a class are a picture of %d×%d, want ten columns", w, h)
	}
	if _, stderr, code := gantry(t, "sample", "--run", dir, "--class", "10", "--out", file+".png"); code != 2 || !strings.Contains(stderr, "knows the classes 0 to 9") {
		t.Errorf("a class too many: exit code %d and %q", code, stderr)
	}

	must(t, "export", "--run", dir, "--batch", "2", "--out", file+".onnx")
	if model := read(t, file+".onnx"); !bytes.Contains(model, []byte("labels")) || !bytes.Contains(model, []byte("images")) {
		t.Errorf("the model of %d bytes lacks its inputs and outputs", len(model))
	}
	must(t, "export", "--run", dir, "--out", file+".safetensors")
	exported, err := safetensors.Load(file + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	trained, err := safetensors.Load(filepath.Join(dir, "generator.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if len(exported.Tensors) == 0 || len(exported.Tensors) != len(trained.Tensors) {
		t.Errorf("%d tensors were exported of %d", len(exported.Tensors), len(trained.Tensors))
	}
	for _, tensor := range trained.Tensors {
		if other, found := exported.Tensor(tensor.Name); !found || !bytes.Equal(other.Data, tensor.Data) {
			t.Errorf("%s was exported with other values", tensor.Name)
		}
	}
}

// TestOwnData trains, resumes and samples a recipe whose data no other command knows by name.
func TestOwnData(t *testing.T) {
	dir, file := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "a.npy")
	must(t, "train", "--recipe", "diffaugment", "--batch", "4", "--steps", "1", "--out", dir)
	if _, stderr := must(t, "train", "--resume", "--steps", "2", "--out", dir); !strings.Contains(stderr, "resuming at step 1") {
		t.Errorf("resuming: %s", stderr)
	}
	must(t, "sample", "--run", dir, "--n", "2", "--out", file)
	if !bytes.Contains(read(t, file), []byte("'shape': (2, 28, 28, 1)")) {
		t.Error("the samples are no two digits")
	}
}

// TestPrivate wants a private run to say in each record and at its end what it has spent.
func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	stdout, stderr := must(t, "train", "--recipe", "private", "--batch", "4", "--steps", "2", "--backend", "go", "--json", "--out", dir)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	var last struct {
		Step           int
		Epsilon, Delta float64
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Step != 2 || last.Delta != 1e-5 {
		t.Fatalf("the last record is %q (%v)", lines[len(lines)-1], err)
	}
	if want := (method.Private{Clip: 1, Noise: 0.6}).Epsilon(4.0/60000, 2); last.Epsilon != want {
		t.Errorf("after two steps the record says ε %g, want %g", last.Epsilon, want)
	}
	if want := fmt.Sprintf("ε = %.3g at δ = 1e-05", last.Epsilon); !strings.Contains(stderr, want) {
		t.Errorf("the command ends without %q: %q", want, stderr)
	}
	if stdout, _ := must(t, "train", "--recipe", "toy", "--steps", "1", "--backend", "go", "--json", "--out", dir+"2"); strings.Contains(stdout, "epsilon") {
		t.Errorf("a run without privacy reports %q", stdout)
	}
}
