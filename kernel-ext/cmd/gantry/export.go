package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/lab"
)

func exportCommand() *cobra.Command {
	var run, out, backend string
	var batch int
	c := &cobra.Command{
		Use:   "export --run DIR --out FILE.onnx|FILE.safetensors",
		Short: "Write a trained generator for other programs",
		Long: "Writes the generator of a run as a model (.onnx: network and weights, input z [batch, latent] float32 and, for a\n" +
			"class-conditional one, labels [batch] int32, output images [batch, h, w, c]) or its weights alone (.safetensors).",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			kind := strings.ToLower(filepath.Ext(out))
			switch {
			case run == "":
				return misuse{errors.New("--run is missing: name a run folder")}
			case batch <= 0:
				return misuse{fmt.Errorf("--batch %d: want at least 1", batch)}
			case kind != ".onnx" && kind != ".safetensors":
				return misuse{fmt.Errorf("--out %q: want a name that ends in .onnx or .safetensors", out)}
			}
			if kind == ".safetensors" {
				if !lab.HoldsRun(run) {
					return fmt.Errorf("%s is not a run folder: it has no run.json", run)
				}
				weights, err := loadWeights(run, c.ErrOrStderr())
				if err != nil {
					return err
				}
				return weights.Save(out)
			}
			run, err := openRun(run, backend, c.ErrOrStderr())
			if err != nil {
				return err
			}
			content, err := run.ONNX(batch)
			if err != nil {
				return errors.Join(err, run.Close())
			}
			return errors.Join(writeFile(out, content), run.Close())
		},
	}
	f := c.Flags()
	f.StringVar(&run, "run", "", "run `folder`, of gantry train or of a notebook")
	f.StringVar(&out, "out", "", "file to write, .onnx or .safetensors")
	f.IntVar(&batch, "batch", 1, "images that the .onnx model makes at once")
	f.StringVar(&backend, "backend", "", "as for gantry train")
	return c
}
