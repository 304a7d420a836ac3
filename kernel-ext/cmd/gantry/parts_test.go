package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/gan/loss"
	"gantry.local/gan/spec"
	"gantry.local/kernel-ext/lab"
)

// TestParts trains a recipe that flags have changed. Its run says what it trains, goes on from its folder alone, and the file in it
// makes the same run again, bit for bit.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	first, again := filepath.Join(dir, "first"), filepath.Join(dir, "again")
	must(t, "train", "--recipe", "toy", "--loss", "hinge", "--penalty", "r1 0.1 + r2 0.2", "--rate", "5e-4", "--critic-steps", "2", "--bfloat16=false",
		"--batch", "16", "--seed", "4", "--backend", "go", "--steps", "3", "--out", first)
	file := filepath.Join(first, "spec.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	s, err := spec.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	exp, err := s.Experiment()
	if err != nil || exp.Loss != loss.Hinge || len(exp.Penalties) != 2 || exp.Penalties[1] != loss.R2(0.2) || exp.BatchSize != 16 || exp.Seed != 4 {
		t.Errorf("%v: %s is of %+v", err, s, exp)
	}
	made, _, err := lab.RecipeIn(first)
	if err != nil || made.Name != "toy" || !strings.Contains(made.Parts, "hinge") {
		t.Errorf("it is made by %+v, %v", made, err)
	}
	if _, stderr := must(t, "train", "--resume", "--steps", "5", "--out", first, "--backend", "go"); !strings.Contains(stderr, "resuming at step 3") {
		t.Errorf("going on: %s", stderr)
	}
	must(t, "train", "--spec", file, "--backend", "go", "--steps", "5", "--out", again)
	name := "generator.safetensors"
	if a, b := read(t, filepath.Join(first, name)), read(t, filepath.Join(again, name)); !bytes.Equal(a, b) {
		t.Error("the run's spec has made another run")
	}
	if a, b := read(t, file), read(t, filepath.Join(again, "spec.json")); !bytes.Equal(a, b) {
		t.Errorf("the spec of the run by a spec is another:\n%s%s", a, b)
	}
	must(t, "train", "--resume", "--steps", "5", "--loss", "hinge", "--out", first, "--backend", "go")
	_, stderr, code := gantry(t, "train", "--resume", "--steps", "6", "--loss", "wasserstein", "--out", first)
	if code == 0 || !strings.Contains(stderr, "the run's loss is hinge there and wasserstein here; leave out --loss to go on") {
		t.Errorf("another loss: exit code %d, %q", code, stderr)
	}
	must(t, "sample", "--run", first, "--n", "4", "--walk", "--within", "1", "--out", filepath.Join(dir, "a.npy"), "--backend", "go")

	var listed struct{ Spec json.RawMessage }
	stdout, _ := must(t, "runs", "--json", first)
	if err := json.Unmarshal([]byte(stdout), &listed); err != nil || !bytes.Contains(listed.Spec, []byte(`"hinge"`)) {
		t.Errorf("gantry runs --json does not say what it trains: %v, %s", err, stdout)
	}
}

// TestOwnNetworks trains networks of widths that no recipe has, from a file that changes a recipe, and goes on.
func TestOwnNetworks(t *testing.T) {
	dir := t.TempDir()
	file, out := filepath.Join(dir, "file.json"), filepath.Join(dir, "out")
	text := `{"recipe": "toy", "generator": {"name": "toy", "width": 9}, "critic": "toy critic-width 7", "optimizer": ["clip-norm 1", "adam 1e-3", "warmup 5"]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "train", "--spec", file, "--batch", "8", "--backend", "go", "--steps", "2", "--out", out)
	if _, stderr := must(t, "train", "--resume", "--backend", "go", "--steps", "3", "--out", out); !strings.Contains(stderr, "resuming at step 2") {
		t.Errorf("going on: %s", stderr)
	}
	if kept := string(read(t, filepath.Join(out, "spec.json"))); !strings.Contains(kept, `"generator": "toy width 9"`) || !strings.Contains(kept, `"recipe": "toy"`) {
		t.Errorf("the run keeps %s", kept)
	}
}

// TestPartsListed wants every part listed with its parameters, and every key with parts.
func TestPartsListed(t *testing.T) {
	all, _ := must(t, "parts")
	for _, key := range spec.Keys() {
		if key.Parts == "" {
			continue
		}
		one, _ := must(t, "parts", key.Name)
		if !strings.Contains(all, one[:len(one)-1]) || !strings.HasPrefix(one, key.Name+": ") {
			t.Errorf("parts %s says %q", key.Name, one)
		}
	}
	if !strings.Contains(all, "adam [rate 0.001] [beta1 0.9] [beta2 0.999] [epsilon 1e-08]: ") {
		t.Errorf("adam's parameters are not in %s", all)
	}
}
