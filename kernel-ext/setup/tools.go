package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gantry.local/kernel-ext/cell/quicklink"
	"gantry.local/kernel-ext/engine"
)

// goplsVersion is installed apart: its requirements clash with those of go.mod.
const goplsVersion = "v0.23.0"

func (in *installer) toolsStage(key string) stage {
	return stage{
		name:  "Go tools: GoNB and goimports",
		key:   key,
		makes: []string{filepath.Join(bin(in.Root), "gonb"), filepath.Join(bin(in.Root), "goimports")},
		run:   func(ctx context.Context) error { return in.goCommand(ctx, nil, 0, "install", "-v", "tool") },
	}
}

func (in *installer) goplsStage(key string) stage {
	return stage{
		name:  "gopls: completion and documentation in cells",
		key:   key,
		makes: []string{filepath.Join(bin(in.Root), "gopls")},
		run: func(ctx context.Context) error {
			// For a module outside go.mod Go asks the network, even with all of it in the cache, unless the cache is
			// named as a proxy.
			settings, err := output(ctx, in.Root, "go", "env", "GOMODCACHE", "GOPROXY")
			if err != nil {
				return err
			}
			cache, proxies, _ := strings.Cut(settings, "\n")
			proxies = "GOPROXY=file://" + filepath.ToSlash(filepath.Join(cache, "cache", "download")) + "," + proxies
			return in.goCommand(ctx, []string{proxies}, 0, "install", "-v", "golang.org/x/tools/gopls@"+goplsVersion)
		},
	}
}

// linkerStage builds the linker that loads a cell's packages while the cell is compiled. Where it cannot be built, cells
// are linked by the linker of the Go tree, a tenth of a second later.
func (in *installer) linkerStage(key string) stage {
	return stage{
		name: "linker of cells",
		key:  hash(key, quicklink.Source()),
		run: func(ctx context.Context) error {
			_, err := quicklink.Build(ctx, bin(in.Root))
			if errors.Is(err, quicklink.ErrUnknown) {
				fmt.Fprintf(in.Out, "  %v; cells are linked by it all the same, a little later\n", err)
				return nil
			}
			return err
		},
	}
}

// goCommand runs the go command in the checkout with bin as the place for executables. It prints about lineCount lines,
// or, if that is 0, nobody knows how many.
func (in *installer) goCommand(ctx context.Context, env []string, lineCount int, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = in.Root
	cmd.Env = append(append(os.Environ(), "GOBIN="+bin(in.Root)), env...)
	var text strings.Builder
	ticker := newTicker(in.Out)
	ticker.total = lineCount
	defer ticker.end()
	cmd.Stderr = &lines{each: ticker.show, keep: &text}
	if err := cmd.Run(); err != nil {
		return goFailure(text.String(), err)
	}
	return nil
}

// engineStage builds the program that runs cells, in a copy of GoNB's module.
func (in *installer) engineStage(key string) stage {
	program := filepath.Join(bin(in.Root), engine.Program)
	return stage{
		name:  "engine: what runs cells in GoNB",
		key:   hash(key, engine.Source()),
		makes: []string{program},
		run: func(ctx context.Context) error {
			return engine.Build(ctx, in.Root, program)
		},
	}
}
