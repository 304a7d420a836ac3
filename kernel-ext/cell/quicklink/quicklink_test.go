package quicklink

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/cell"
)

func TestBuild(t *testing.T) {
	folder := t.TempDir()
	linker, err := Build(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if base := filepath.Base(linker); !strings.HasPrefix(base, cell.Linker("go1.")) {
		t.Errorf("the linker is called %s", base)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// A program that is linked to a base does what it does when it is linked as a whole, to the last word of a panic.
func TestBase(t *testing.T) {
	if !cell.HasBases() {
		t.Skip("there are no bases on this kind of machine")
	}
	work := t.TempDir()
	linker, err := Build(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	run := func(env []string, name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = work, append(os.Environ(), append([]string{"GOFLAGS=", "GOEXPERIMENT="}, env...)...)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	must := func(env []string, name string, args ...string) string {
		t.Helper()
		text, err := run(env, name, args...)
		if err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, text)
		}
		return text
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source, err := os.ReadFile("testdata/everything.go")
	if err != nil {
		t.Fatal(err)
	}
	write("main.go", string(source))
	write("packages.go", "package main\n\n"+must(nil, "go", "list", "-f", `{{range .Imports}}{{printf "import _ %q\n" .}}{{end}}`, "main.go")+"import _ \"net\"\n\nfunc main() {}\n")
	const line = `{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}`
	list := func(file string) (lines []string) {
		for _, packages := range []string{file, "runtime"} {
			for line := range strings.Lines(must(nil, "go", "list", "-export", "-deps", "-f", line, packages)) {
				if !strings.Contains(line, "command-line-arguments") && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
		return lines
	}
	write("few", strings.Join(list("main.go"), ""))
	write("all", strings.Join(list("packages.go"), ""))
	for _, name := range []string{"main", "packages"} {
		must(nil, "go", "tool", "compile", "-p", "main", "-importcfg", "all", "-o", name+".o", "-pack", name+".go")
	}
	base := []string{cell.EnvBase + "=" + work}
	must([]string{cell.EnvIndex + "=index"}, linker, "-importcfg", "all", "-o", "image", "-s", "-w", "packages.o")
	must(nil, linker, "-importcfg", "few", "-o", "whole", "-s", "-w", "main.o")
	if said := must(base, linker, "-importcfg", "few", "-o", "based", "-s", "-w", "main.o"); said != "" {
		t.Fatalf("it was not linked to the base: %s", said)
	}
	for _, args := range [][]string{nil, {"fail"}} {
		for _, env := range [][]string{nil, {"GOGC=1"}, {"GODEBUG=clobberfree=1,gccheckmark=1"}} {
			want, wantErr := run(env, filepath.Join(work, "whole"), args...)
			got, err := run(env, filepath.Join(work, "based"), args...)
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%v, %v: as a whole %v:\n%s\nto a base %v:\n%s", args, env, wantErr, want, err, got)
			}
		}
	}

	// What a base is not enough for is linked as always: other packages, and a damaged base.
	if said := must(base, linker, "-importcfg", "all", "-o", "whole", "-s", "-w", "packages.o"); said != "" {
		t.Errorf("a program of all packages: %s", said)
	}
	write("other", strings.Replace(strings.Join(list("main.go"), ""), "packagefile fmt=", "packagefile fmt=./", 1))
	if said, err := run(base, linker, "-importcfg", "other", "-o", "based", "-s", "-w", "main.o"); err == nil || !strings.Contains(said, "without the base: the base has not this fmt") {
		t.Errorf("another fmt: %v: %s", err, said)
	}
	if err := os.Truncate(filepath.Join(work, "index"), 1000); err != nil {
		t.Fatal(err)
	}
	if said := must(base, linker, "-importcfg", "few", "-o", "based", "-s", "-w", "main.o"); !strings.Contains(said, "a damaged index") {
		t.Errorf("a damaged index: %s", said)
	}
	if said := must(nil, filepath.Join(work, "based")); !strings.Contains(said, "strings.ToUpper") {
		t.Errorf("linked without a base it says %s", said)
	}
}

// A Go tree with another linker is recognised by what the changes cannot be made to.
func TestAnotherTree(t *testing.T) {
	tree := t.TempDir()
	for _, e := range edits() {
		file := filepath.Join(tree, e.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("package ld\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writeOverlay(t.TempDir(), tree); !errors.Is(err, ErrUnknown) {
		t.Errorf("a linker without the expected text: %v", err)
	}
	if _, err := writeOverlay(t.TempDir(), filepath.Join(tree, "nothing")); !errors.Is(err, ErrUnknown) {
		t.Errorf("a tree without a linker: %v", err)
	}
}
