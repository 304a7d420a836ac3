package cellbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/internal/frontend"
)

// openAndTrain is a cell that opens a run, which is a new one each time, and trains until there is a figure.
const openAndTrain = `import (
	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/lab"
)
func main() {
	exp := recipe.MLP()
	exp.Name = "picture-%d"
	run := lab.Open(exp)
	if err := run.Train(5); err != nil {
		panic(err)
	}
	if err := run.Stop(); err != nil {
		panic(err)
	}
}`

// openAndStep is a cell that opens a run of a recipe, which is a new one each time, makes a step and prints when it was told of it.
const openAndStep = `import (
	"fmt"
	"time"

	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/show"
)
func main() {
	of, err := recipe.Named(%q)
	if err != nil {
		panic(err)
	}
	run, err := lab.OpenWith(of, lab.RunOptions{Name: "step-%d"})
	if err != nil {
		panic(err)
	}
	told := func(lab.Metric, lab.Status) error {
		fmt.Println("made", time.Now().UnixNano())
		return nil
	}
	if err := run.TrainShown(lab.Context(), 1, show.LiveOptions{Total: 1}, told); err != nil {
		panic(err)
	}
	if err := run.Stop(); err != nil {
		panic(err)
	}
}`

// FirstPictures runs cells of this project's kernel that each open a new run of the recipe mlp, and returns how long each took from
// the request to its first picture. Two more before them are not counted: a package is compiled in the one, its use learned in
// the other. env are variables for the kernel.
func FirstPictures(ctx context.Context, root string, cells int, env ...string) (took []time.Duration, err error) {
	source := func(n int) string { return fmt.Sprintf(openAndTrain, n) }
	return firsts(ctx, root, cells, source, func(c frontend.Execution) (time.Time, error) {
		if c.Picture.IsZero() {
			return c.Picture, errors.New("the cell showed no picture; it printed " + c.Output)
		}
		return c.Picture, nil
	}, env)
}

// FirstSteps is FirstPictures of a recipe and until the cell was told of the run's first step.
func FirstSteps(ctx context.Context, root, recipe string, cells int, env ...string) (took []time.Duration, err error) {
	source := func(n int) string { return fmt.Sprintf(openAndStep, recipe, n) }
	return firsts(ctx, root, cells, source, func(c frontend.Execution) (time.Time, error) { return printed(c.Output, "made") }, env)
}

// firsts runs cells by their number in a kernel of its own, and returns how long each took from the request until something happened.
func firsts(ctx context.Context, root string, cells int, source func(n int) string, happened func(frontend.Execution) (time.Time, error),
	env []string) (took []time.Duration, err error) {
	work, err := os.MkdirTemp("", "gb-") // short: it holds Unix sockets
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	p, err := start(ctx, gantry, filepath.Join(work, "g"), root, env...)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	for n := range cells + 2 {
		c, err := p.client.Run(ctx, source(n))
		if err != nil {
			return nil, err
		}
		when, err := happened(c)
		if err != nil {
			return nil, err
		}
		if n >= 2 {
			took = append(took, when.Sub(c.Sent))
		}
	}
	return took, nil
}
