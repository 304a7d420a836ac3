// Package quicklink builds the Go linker of the installed Go tree with one addition: it can load all packages of a
// program while the program is still being compiled. docs/decisions/0010-fast-cells.md says what that is worth.
package quicklink

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gantry.local/kernel-ext/cell"
)

var (
	//go:embed ld.go.txt
	ldSource []byte
	//go:embed loader.go.txt
	loaderSource []byte
)

// ErrUnknown is returned for a Go tree whose linker is not as this package knows it. Its own linker does as well, only
// later.
var ErrUnknown = errors.New("the linker of this Go version is not known here")

// edit is one change to a file of cmd/link/internal: old stands in it exactly once.
type edit struct{ file, old, new string }

// edits lists the changes. The rest is in files of its own.
func edits() []edit {
	return []edit{
		{"ld/lib.go", "\t// ctxt.Library grows during the loop, so not a range loop.\n\ti := 0\n", "\ti := loadEarly(ctxt)\n"},
		{
			"loader/loader.go", "func (l *Loader) LoadSyms(arch *sys.Arch) {\n",
			"func (l *Loader) LoadSyms(arch *sys.Arch) {\n\tif early != nil {\n\t\tl.loadRest(arch)\n\t\treturn\n\t}\n",
		},
		{
			"loader/loader.go", "outerloop:\n\tfor si := Sym(1); si < Sym(len(l.objSyms)); si++ {\n\t\trelocs := l.Relocs(si)\n",
			"outerloop:\n\tfor si := l.firstToResolve(); si < Sym(len(l.objSyms)); si++ {\n\t\trelocs := l.Relocs(si)\n",
		},
	}
}

// Source is all that this package adds to the linker: another linker comes of another text.
func Source() string { return fmt.Sprint(edits(), string(ldSource), string(loaderSource)) }

// Build builds the linker into a folder, under the name that cell.Linker gives it, and returns its path. It links a
// small program with it before it puts it there.
func Build(ctx context.Context, folder string) (string, error) {
	settings, err := goCommand(ctx, "", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return "", err
	}
	root, version, _ := strings.Cut(strings.TrimSpace(settings), "\n")
	if strings.ContainsAny(version, " /") {
		return "", ErrUnknown
	}
	to := filepath.Join(folder, cell.Linker(version))
	work, err := os.MkdirTemp("", "gantry-link-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	overlay, err := writeOverlay(work, filepath.Join(root, "src", "cmd", "link", "internal"))
	if err != nil {
		return "", err
	}
	built := to + ".new"
	defer os.Remove(built)
	if _, err := goCommand(ctx, work, "build", "-ldflags=-s -w", "-overlay="+overlay, "-o", built, "cmd/link"); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	if err := try(ctx, work, built, version); err != nil {
		return "", err
	}
	return to, os.Rename(built, to)
}

// writeOverlay writes the changed files and returns the file that tells the go command of them.
func writeOverlay(work, tree string) (string, error) {
	texts := map[string]string{}
	for _, e := range edits() {
		if _, ok := texts[e.file]; !ok {
			text, err := os.ReadFile(filepath.Join(tree, e.file))
			if err != nil {
				return "", fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			texts[e.file] = string(text)
		}
		if strings.Count(texts[e.file], e.old) != 1 {
			return "", fmt.Errorf("%w: %s has changed", ErrUnknown, e.file)
		}
		texts[e.file] = strings.Replace(texts[e.file], e.old, e.new, 1)
	}
	texts["ld/gantry.go"], texts["loader/gantry.go"] = string(ldSource), string(loaderSource)
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for file, text := range texts {
		to := filepath.Join(work, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(tree, file)] = to
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	file := filepath.Join(work, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}

// try checks that the linker takes itself for that of the Go tree, and that a program it links runs.
func try(ctx context.Context, work, linker, version string) error {
	plain := append(os.Environ(), "GOEXPERIMENT=", "GOOS=", "GOARCH=")
	about := exec.CommandContext(ctx, linker, "-V")
	about.Env = plain
	text, err := about.Output()
	if err != nil {
		return err
	}
	if text := strings.TrimSpace(string(text)); !strings.HasSuffix(text, " version "+version) {
		return fmt.Errorf("%w: it says %q, not version %s", ErrUnknown, text, version)
	}
	const source = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"linked\") }\n"
	main, object := filepath.Join(work, "main.go"), filepath.Join(work, "main.o")
	packages, program := filepath.Join(work, "importcfg"), filepath.Join(work, "program")
	const line = "{{if .Export}}packagefile {{.ImportPath}}={{.Export}}{{end}}"
	listed, err := goCommand(ctx, work, "list", "-export", "-deps", "-f", line, "fmt", "runtime")
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(main, []byte(source), 0o600), os.WriteFile(packages, []byte(listed), 0o600)); err != nil {
		return err
	}
	if _, err := goCommand(ctx, work, "tool", "compile", "-p", "main", "-importcfg", packages, "-o", object, "-pack", main); err != nil {
		return err
	}
	link := exec.CommandContext(ctx, linker, "-importcfg", packages, "-o", program, object)
	link.Env = append(plain, cell.EnvEarly+"=1")
	link.Stdin = strings.NewReader("\n")
	if said, err := link.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: it links nothing: %w: %s", ErrUnknown, err, said)
	}
	said, err := exec.CommandContext(ctx, program).CombinedOutput()
	if err != nil || string(said) != "linked\n" {
		return fmt.Errorf("%w: a program it linked ended with %v and printed %q", ErrUnknown, err, said)
	}
	return nil
}

// goCommand runs the go command as the Go tree itself was built, whatever the environment asks of other builds.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOEXPERIMENT=", "CGO_ENABLED=0", "GOWORK=off", "GOOS=", "GOARCH=")
	text, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, failed.Stderr)
	}
	return string(text), err
}
