package inventory

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/module"
)

// modules lists the Go modules that the programs in bin are linked of, those that a cell can import, and Go itself.
func modules(ctx context.Context, root string) ([]Component, error) {
	linked := map[module.Version]string{} // their sums
	programs, err := os.ReadDir(filepath.Join(root, "bin"))
	if err != nil {
		return nil, fmt.Errorf("nothing is built: %w; run make setup", err)
	}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(filepath.Join(root, "bin", program.Name()))
		if err != nil {
			continue // no Go program, such as a link to one, or the notices
		}
		for _, dep := range info.Deps {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			linked[module.Version{Path: dep.Path, Version: dep.Version}] = dep.Sum
		}
	}
	text, err := run(ctx, root, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./...")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		if path, version, is := strings.Cut(strings.TrimSpace(line), " "); is {
			linked[module.Version{Path: path, Version: version}] += ""
		}
	}
	cache, err := run(ctx, root, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	var all []Component
	for m, sum := range linked {
		path, err := module.EscapePath(m.Path)
		if err != nil {
			return nil, err
		}
		version, err := module.EscapeVersion(m.Version)
		if err != nil {
			return nil, err
		}
		c := Component{URL: "pkg:golang/" + m.Path + "@" + m.Version, Name: m.Path, Version: m.Version}
		if sum != "" {
			c.Sums = []string{sum}
		}
		if c.Texts, err = texts(filepath.Join(cache, filepath.FromSlash(path)+"@"+version)); err != nil {
			return nil, fmt.Errorf("module %s: %w; run make setup", m, err)
		}
		c.named("")
		all = append(all, c)
	}
	goroot, err := run(ctx, root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	language := Component{URL: "pkg:golang/std@" + strings.TrimPrefix(runtime.Version(), "go"), Name: "std", Version: runtime.Version()}
	if language.Texts, err = texts(goroot); err != nil {
		return nil, err
	}
	language.named("")
	return append(all, language), nil
}

// passedOn matches the names of files that must be passed on.
var passedOn = regexp.MustCompile(`(?i)^(licen[cs]es?|copying|notice|patents|copyright|authors)([-._].*)?$`)

// texts reads the licences and notices in a folder, and in a folder of them.
func texts(dir string) (all []Text, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !passedOn.MatchString(entry.Name()) {
			continue
		}
		err := filepath.WalkDir(filepath.Join(dir, entry.Name()), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			body, err := readText(path)
			name, outside := filepath.Rel(dir, path)
			all = append(all, Text{name, body})
			return errors.Join(err, outside)
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readText reads a text as UTF-8. One that is not is taken for Latin-1, in which old licences write © and names.
func readText(path string) (string, error) {
	body, err := os.ReadFile(path)
	if err != nil || utf8.Valid(body) {
		return string(body), err
	}
	letters := make([]rune, len(body))
	for i, b := range body {
		letters[i] = rune(b)
	}
	return string(letters), nil
}

// run runs a command in dir and returns what it prints, without the blank at its end.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	text, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && len(exit.Stderr) > 0 {
			err = errors.New(strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}
