// Package quicklink builds the Go linker of the installed Go tree with two additions: it can load all packages of a
// program while the program is still being compiled, and it can link packages to a base once, and programs to that.
// docs/decisions/0010-fast-cells.md says what that is worth.
//
// Reading order: early.go.txt and loaded.go.txt (packages ahead of main), base.go.txt (bases), and of package prelink, which links a program to one,
// index.go.txt (what an image has where), link.go.txt (what of the program is needed, where it goes, and what it refers to), lines.go.txt (tables of
// functions and lines), pointers.go.txt (where variables have pointers), tables.go.txt (what else the runtime reads), image.go.txt (the file).
package quicklink

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"gantry.local/kernel-ext/cell"
)

// added are the files that the linker gets, by the place below cmd/link/internal: early.go.txt loads packages early, with loaded.go.txt;
// base.go.txt makes bases and links programs to them, by what is in prelink.
//
//go:embed *.go.txt prelink/*.go.txt
var added embed.FS

// places are where the added files go.
func places() map[string]string {
	return map[string]string{
		"early.go.txt": "ld/gantry_early.go", "loaded.go.txt": "loader/gantry_loaded.go", "base.go.txt": "ld/gantry_base.go",
		"prelink/index.go.txt": "prelink/index.go", "prelink/link.go.txt": "prelink/link.go", "prelink/tables.go.txt": "prelink/tables.go",
		"prelink/lines.go.txt": "prelink/lines.go", "prelink/pointers.go.txt": "prelink/pointers.go",
		"prelink/image.go.txt": "prelink/image.go",
	}
}

// ErrUnknown is returned for a Go tree whose linker is not as this package knows it. Its own linker does as well, only
// later.
var ErrUnknown = errors.New("the linker of this Go version is not known here")

// edit is one change to a file of cmd/link: old stands in it exactly once.
type edit struct{ file, old, new string }

// edits lists the changes. The rest is in files of its own.
func edits() []edit {
	return []edit{
		{"internal/ld/lib.go", "\t// ctxt.Library grows during the loop, so not a range loop.\n\ti := 0\n", "\ti := loadEarly(ctxt)\n"},
		{
			"internal/loader/loader.go", "func (l *Loader) LoadSyms(arch *sys.Arch) {\n",
			"func (l *Loader) LoadSyms(arch *sys.Arch) {\n\tif early != nil {\n\t\tl.loadRest(arch)\n\t\treturn\n\t}\n",
		},
		{
			"internal/loader/loader.go", "outerloop:\n\tfor si := Sym(1); si < Sym(len(l.objSyms)); si++ {\n\t\trelocs := l.Relocs(si)\n",
			"outerloop:\n\tfor si := l.firstToResolve(); si < Sym(len(l.objSyms)); si++ {\n\t\trelocs := l.Relocs(si)\n",
		},
		{"main.go", "func main() {\n", "func main() {\n\tif ld.LinkToBase() {\n\t\treturn\n\t}\n"},
		{"internal/ld/deadcode.go", "\tif d.ctxt.BuildMode == BuildModeShared {\n", "\tif d.ctxt.BuildMode == BuildModeShared || makesBase() {\n"},
		{
			"internal/ld/data.go", "\t\t\t\tst.err.errorUnresolved(ldr, s, rs)\n",
			"\t\t\t\tif makesBase() { // in a function for packages that are not there\n\t\t\t\t\tcontinue\n\t\t\t\t}\n\t\t\t\tst.err.errorUnresolved(ldr, s, rs)\n",
		},
		{"internal/ld/main.go", "\tbench.Start(\"Munmap\")\n", "\twriteIndex(ctxt)\n\tbench.Start(\"Munmap\")\n"},
	}
}

// Source is all that this package adds to the linker: another linker comes of another text.
func Source() string {
	text := fmt.Sprint(edits())
	for _, from := range slices.Sorted(maps.Keys(places())) {
		b, err := added.ReadFile(from)
		if err != nil {
			panic(err) // it is in this program
		}
		text += string(b)
	}
	return text
}

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
	overlay, err := writeOverlay(work, filepath.Join(root, "src", "cmd", "link"))
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
	for from, to := range places() {
		text, err := added.ReadFile(from)
		if err != nil {
			return "", err
		}
		texts["internal/"+to] = string(text)
	}
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
	if err := tryProgram(ctx, program); err != nil || !cell.HasBases() {
		return err
	}
	// The same program as a base for itself.
	link = exec.CommandContext(ctx, linker, "-importcfg", packages, "-o", filepath.Join(work, "image"), object)
	link.Env = append(plain, cell.EnvIndex+"="+filepath.Join(work, "index"))
	if said, err := link.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: it makes no base: %w: %s", ErrUnknown, err, said)
	}
	link = exec.CommandContext(ctx, linker, "-importcfg", packages, "-o", program, object)
	link.Env = append(plain, cell.EnvBase+"="+work)
	if said, err := link.CombinedOutput(); err != nil || len(said) > 0 {
		return fmt.Errorf("%w: it links nothing to a base: %w: %s", ErrUnknown, err, said)
	}
	return tryProgram(ctx, program)
}

// tryProgram runs the program that try has linked.
func tryProgram(ctx context.Context, program string) error {
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
