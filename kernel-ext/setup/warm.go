package setup

import (
	"context"
	"strings"

	"gantry.local/kernel-ext/engine"
)

// warmPackages are what notebooks import; with all they import in turn they are compiled ahead of the first cell.
var warmPackages = [...]string{
	"gantry.local/gan/...", "gantry.local/kernel-ext/keep/...", "gantry.local/kernel-ext/lab", "gantry.local/kernel-ext/show",
	"gantry.local/kernel-ext/value/...",
	"github.com/gomlx/gomlx/core/graph", "github.com/gomlx/gomlx/core/tensors", "github.com/gomlx/gomlx/ml/model/...",
	"github.com/gomlx/gomlx/ml/layers", "github.com/gomlx/gomlx/ml/train/optimizer", "github.com/gomlx/gomlx/backends/default",
	"github.com/janpfeifer/gonb/gonbui", "image/png", "math/rand/v2", "net/http", "encoding/json",
}

// warmStage compiles, with the flags that cells use, all that cells import. Go finds the results in its build cache,
// whichever module asks.
func (in *installer) warmStage(key string) stage {
	return stage{
		name: "Go build cache: compiling what cells import",
		key:  hash(key, strings.Join(warmPackages[:], " "), engine.BuildFlags(""), engine.Source()),
		run: func(ctx context.Context) error {
			mod := "-modfile=" + engine.ModFile(in.Root)
			deps, err := output(ctx, in.Root, "go", append([]string{"list", mod, "-deps"}, warmPackages[:]...)...)
			if err != nil {
				return goFailure(err.Error(), err)
			}
			env := []string{"GOFLAGS=" + engine.BuildFlags(""), "GOEXPERIMENT=simd"}
			packages := strings.Count(deps, "\n") + 1 // go build -v names each that is not in the cache
			return in.goCommand(ctx, env, packages, append([]string{"build", mod, "-v"}, warmPackages[:]...)...)
		},
	}
}
