package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"gantry.local/kernel-ext/engine/wire"
)

// Program is the name of the engine's executable.
const Program = "gonb-engine"

// module is GoNB's.
const module = "github.com/janpfeifer/gonb"

// added are the files that are added to GoNB's module, but for those of package wire. Go does not look into folders whose
// names begin like this.
//
//go:embed _gonb
var added embed.FS

// files returns what is added to GoNB's module, by path in it.
func files() map[string][]byte {
	out := map[string][]byte{}
	err := fs.WalkDir(added, "_gonb", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out[strings.TrimPrefix(path, "_gonb/")], err = added.ReadFile(path)
		}
		return err
	})
	if err != nil {
		panic(err) // it is part of this program
	}
	for name, text := range wire.Source() {
		out["engine/wire/"+name] = []byte(text)
	}
	return out
}

// Source is a hash of all that is added to GoNB's module.
func Source() string {
	h := sha256.New()
	all := files()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(h, "%s %d\n%s", name, len(all[name]), all[name])
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
	for name, text := range files() {
		if err := addFile(filepath.Join(copied, name), text); err != nil {
			return err
		}
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

// copyModule copies a module without what no package needs.
func copyModule(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (rest == "docs" || rest == "examples"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rest), 0o755)
		case !d.Type().IsRegular() || strings.HasSuffix(rest, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rest), text, 0o644)
	})
}

// addFile adds a file to the copy. None of GoNB's is replaced.
func addFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
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
