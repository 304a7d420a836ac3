package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/gan/latent"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/lab"
)

type sampleOptions struct {
	run, out, backend string
	n, class          int // class -1: all in turn
	seed              int64
	truncate, within  float64
	walk              bool
	between           int
}

func sampleCommand() *cobra.Command {
	var o sampleOptions
	c := &cobra.Command{
		Use:   "sample --run DIR --out FILE.png|FILE.npy|FILE.txt",
		Short: "Draw samples from a trained run",
		Long: "Draws samples as a picture (.png: images in ten columns, a class-conditional run's in a row for each class; points,\n" +
			"series and text as such), as numbers (.npy: float32 [n,h,w,c], images in [-1,1]), or as text (.txt: a sample a line).",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch kind := o.kind(); {
			case o.run == "":
				return misuse{errors.New("--run is missing: name a run folder")}
			case o.n <= 0:
				return misuse{fmt.Errorf("--n %d: want at least 1", o.n)}
			case !slices.Contains([]string{".npy", ".png", ".txt"}, kind):
				return misuse{fmt.Errorf("--out %q: want a name that ends in .npy, .png or .txt", o.out)}
			case o.class < -1:
				return misuse{fmt.Errorf("--class %d: want 0 or more", o.class)}
			case o.between != 0 && (o.between < 2 || o.n%o.between != 0 || o.walk):
				return misuse{fmt.Errorf("--between %d: want 2 or more, of which --n %d is a multiple, and no --walk", o.between, o.n)}
			case o.within != 0 && !(o.within >= 0.1):
				return misuse{fmt.Errorf("--within %g: want 0.1 or more, or 0", o.within)}
			case !(o.truncate >= 0 && o.truncate <= 1):
				return misuse{fmt.Errorf("--truncate %g: want 0 to 1", o.truncate)}
			}
			run, err := openRun(o.run, o.backend, c.ErrOrStderr())
			if err != nil {
				return err
			}
			return errors.Join(o.draw(run), run.Close())
		},
	}
	f := c.Flags()
	f.StringVar(&o.run, "run", "", "run `folder`, of gantry train or of a notebook")
	f.StringVar(&o.out, "out", "", "file to write, .npy, .png or .txt")
	f.IntVar(&o.n, "n", 100, "how many samples")
	f.Int64Var(&o.seed, "seed", 0, "of the latents")
	f.IntVar(&o.class, "class", -1, "only this class, of a class-conditional run; -1: all in turn")
	f.Float64Var(&o.truncate, "truncate", 1, "factor 0 to 1 that latents are shrunk by: smaller is more typical and less varied")
	f.Float64Var(&o.within, "within", 0, "draw what of a latent lies beyond plus or minus this number anew, 0.1 or more; 0: leave it")
	f.IntVar(&o.between, "between", 0, "rows of so many steps from a latent to another, along the great circle; n is a multiple of it; 0: none")
	f.BoolVar(&o.walk, "walk", false, "latents of a closed path, n steps around, for an animation")
	f.StringVar(&o.backend, "backend", "", "as for gantry train")
	return c
}

// kind is the ending of the file to write.
func (o sampleOptions) kind() string { return strings.ToLower(filepath.Ext(o.out)) }

func (o sampleOptions) draw(run *lab.Source) error {
	var classes []int32
	switch {
	case o.kind() == ".txt" && !run.Text:
		return misuse{fmt.Errorf("--out %q: %s makes no text; ask for .png or .npy", o.out, o.run)}
	case o.class < 0:
	case run.Classes == 0:
		return misuse{fmt.Errorf("--class %d: %s is not class-conditional; leave it out", o.class, o.run)}
	case o.class >= run.Classes:
		return misuse{fmt.Errorf("--class %d: %s knows the classes 0 to %d", o.class, o.run, run.Classes-1)}
	default:
		classes = slices.Repeat([]int32{int32(o.class)}, o.n)
	}
	z := train.Latents(o.n, run.Latent, o.seed)
	if o.between > 0 {
		rows := train.Latents(2*o.n/o.between, run.Latent, o.seed)
		var err error
		if z, err = latent.Between(rows[:len(rows)/2], rows[len(rows)/2:], run.Latent, o.between, latent.Spherical); err != nil {
			return misuse{err}
		}
	}
	if o.walk {
		z = latent.Walk(o.n, run.Latent, o.seed)
	}
	if o.within > 0 {
		var err error
		if z, err = latent.Truncate(z, o.within, o.seed); err != nil {
			return misuse{err}
		}
	}
	content, err := run.Render(latent.Shrink(z, o.truncate), classes, o.kind())
	if err != nil {
		return err
	}
	return writeFile(o.out, content)
}

// writeFile writes what the person asked for.
func writeFile(path string, content []byte) error {
	if err := wholefile.Write(path, content, 0o644); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}
