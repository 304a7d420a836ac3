package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
)

// Program is the name of the engine's executable.
const Program = "gonb-engine"

// module is GoNB's.
const module = "github.com/janpfeifer/gonb"

// added are the files that are added to GoNB's module: package wire, and what is in _gonb, a folder that Go does not look into.
//
//go:embed _gonb wire/wire.go wire/messages.go
var added embed.FS

// Source is a hash of all that is added to GoNB's module.
func Source() string {
	h := sha256.New()
	err := fs.WalkDir(added, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := added.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		panic(err) // it is part of this program
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// copiedTo is the folder of the copy of GoNB's module, and of the go.mod that names it.
func copiedTo(root string) string { return filepath.Join(root, ".venv", "engine") }

// ModFile is the checkout's go.mod with the copy of GoNB's module in the place of that, as cells have it.
func ModFile(root string) string { return filepath.Join(copiedTo(root), "engine.mod") }

// Build builds the engine of the checkout at root as output, from the version of GoNB that its go.mod names and its go.sum
// vouches for, and with the checkout's versions of all else.
func Build(ctx context.Context, root, output string) error {
	dir := copiedTo(root)
	from, err := findModule(ctx, root)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	copied := filepath.Join(dir, "gonb")
	if err := copyModule(from, copied); err != nil {
		return err
	}
	mod := ModFile(root)
	if err := writeModFile(root, mod, copied); err != nil {
		return err
	}
	_, err = goCommand(ctx, root, "build", "-ldflags=-s -w", "-modfile="+mod, "-o", output, module+"/engine")
	return err
}

// goCommand runs the go command in a folder. The error has its words.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out, nil
}

// findModule returns the folder of GoNB's module and makes sure that it is what go.sum says.
func findModule(ctx context.Context, root string) (string, error) {
	out, err := goCommand(ctx, root, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var found struct{ Dir, Version, Sum string }
	if err := json.Unmarshal(out, &found); err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return "", err
	}
	sum, err := dirhash.HashDir(found.Dir, module+"@"+found.Version, dirhash.DefaultHash)
	if err != nil {
		return "", err
	}
	if !bytes.Contains(sums, []byte(module+" "+found.Version+" "+sum+"\n")) {
		return "", fmt.Errorf("%s is not what go.sum says; run go clean -modcache", found.Dir)
	}
	return found.Dir, nil
}

// needed is a module without what no package of it needs.
type needed struct{ fs.FS }

// ReadDir implements fs.ReadDirFS.
func (m needed) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(m.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return name == "." && (e.Name() == "docs" || e.Name() == "examples") || strings.HasSuffix(e.Name(), "_test.go")
	}), err
}

// copyModule copies GoNB's module, and adds to it. None of its files is replaced: os.CopyFS makes new ones only.
func copyModule(from, to string) error {
	if err := os.CopyFS(to, needed{os.DirFS(from)}); err != nil {
		return err
	}
	for folder, to := range map[string]string{"_gonb": to, "wire": filepath.Join(to, "engine", "wire")} {
		files, err := fs.Sub(added, folder)
		if err == nil {
			err = os.CopyFS(to, files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeModFile writes the checkout's go.mod, with the copy in the place of GoNB's module, and go.sum beside it.
func writeModFile(root, mod, copied string) error {
	file, err := projectFile(root)
	if err != nil {
		return err
	}
	if err := file.AddReplace(module, "", copied, ""); err != nil {
		return err
	}
	return writeModule(file, root, mod, 0o644)
}
