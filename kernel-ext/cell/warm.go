package cell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Warm learns, ahead of the first cell, how a cell of the module in a folder is built that imports any of the given
// packages; what is not compiled yet, it compiles. It does nothing where that is known.
func Warm(ctx context.Context, module string, packages []string) (err error) {
	cache := os.Getenv(EnvCache)
	if cache == "" {
		return errors.New("set " + EnvCache + " to the folder to keep what is learned")
	}
	goTool, err := realTool("go")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return err
	}
	lock, got, err := lockBases(cache) // so that no cell has one made meanwhile
	if err != nil || !got {
		return err // another kernel is at it
	}
	defer lock.Unlock()
	dir, err := os.MkdirTemp("", "gantry-warm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	t := &tool{name: "go", real: goTool, cache: cache, stdout: io.Discard, stderr: io.Discard}
	if t.warm(ctx, dir, packages) == nil {
		return nil
	}
	// One package that does not compile must not keep the others from being known.
	groups := map[string][]string{}
	for _, p := range packages {
		first, _, _ := strings.Cut(p, "/")
		if !strings.Contains(first, ".") {
			first = "" // the standard library
		}
		groups[first] = append(groups[first], p)
	}
	for _, group := range groups {
		err = errors.Join(err, t.warm(ctx, dir, group))
	}
	return err
}

// warm learns from a program that imports the packages and does nothing.
func (t *tool) warm(ctx context.Context, dir string, packages []string) error {
	var source strings.Builder
	fmt.Fprintf(&source, "package main // in %s, so never compiled before, else the go command would not say how\n", filepath.Base(dir))
	for _, p := range packages {
		fmt.Fprintf(&source, "import _ %q\n", p)
	}
	source.WriteString("func main() {}\n")
	if err := os.WriteFile(filepath.Join(dir, sourceFile), []byte(source.String()), 0o600); err != nil {
		return err
	}
	t.args = []string{"build", "-o", filepath.Join(dir, "program")}
	r := readRequest(t.real, dir, t.args)
	if r == nil {
		return errors.New("a cell of this module is built by the go command alone")
	}
	file := planFile(t.cache, r.key)
	p := readPlan(file)
	if p != nil && p.covers(r.imports) != nil {
		return t.warmBases(ctx, p, r)
	}
	learned, err := t.learn(ctx, r)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("the go command cannot build a program that imports what cells do; run `go build ./...`: %w", err)
	}
	if learned == nil {
		return errors.New("the go command builds cells in a way that is not known here; they are built by it alone")
	}
	learned.merge(p)
	if err := learned.write(file); err != nil {
		return err
	}
	return t.warmBases(ctx, learned, r)
}

// warmBases makes two bases: one for all the packages, and one for those without C, whose programs start sooner.
func (t *tool) warmBases(ctx context.Context, p *plan, r *request) error {
	var plain []string
	for _, path := range r.imports {
		if packages := p.covers([]string{path}); packages != nil && !slices.ContainsFunc(packages, func(c *compiled) bool { return c.Path == "runtime/cgo" }) {
			plain = append(plain, path)
		}
	}
	return errors.Join(makeBase(ctx, t.cache, p, r.module, plain), makeBase(ctx, t.cache, p, r.module, r.imports))
}
