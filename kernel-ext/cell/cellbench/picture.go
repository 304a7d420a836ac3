package cellbench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
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

// FirstPictures runs cells of this project's kernel that each open a new run of the recipe mlp, and returns how long each took from
// the request to its first picture. Two more before them are not counted: a package is compiled in the one, its use learned in
// the other. env are variables for the kernel.
func FirstPictures(ctx context.Context, root string, cells int, env ...string) (took []time.Duration, err error) {
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
		c, err := p.client.Run(ctx, fmt.Sprintf(openAndTrain, n))
		if err != nil {
			return nil, err
		}
		if c.Picture.IsZero() {
			return nil, errors.New("the cell showed no picture; it printed " + c.Output)
		}
		if n >= 2 {
			took = append(took, c.Picture.Sub(c.Sent))
		}
	}
	return took, nil
}
