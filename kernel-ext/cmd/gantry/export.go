package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/gan/export"
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
		RunE: func(*cobra.Command, []string) error {
			kind := strings.ToLower(filepath.Ext(out))
			switch {
			case run == "":
				return misuse{errors.New("--run is missing: name a run folder")}
			case batch <= 0:
				return misuse{fmt.Errorf("--batch %d: want at least 1", batch)}
			case kind != ".onnx" && kind != ".safetensors":
				return misuse{fmt.Errorf("--out %q: want a name that ends in .onnx or .safetensors", out)}
			}
			run, err := openRun(run, backend)
			if err != nil {
				return err
			}
			defer run.backend.Finalize()
			if kind == ".onnx" {
				var model bytes.Buffer
				if err := export.ONNX(&model, run.Generator, batch); err != nil {
					return err
				}
				return writeFile(out, model.Bytes())
			}
			weights, err := run.Weights()
			if err != nil {
				return err
			}
			return weights.Save(out)
		},
	}
	f := c.Flags()
	f.StringVar(&run, "run", "", "run `folder`, as gantry train --out wrote it")
	f.StringVar(&out, "out", "", "file to write, .onnx or .safetensors")
	f.IntVar(&batch, "batch", 1, "images that the .onnx model makes at once")
	f.StringVar(&backend, "backend", "", "as for gantry train")
	return c
}
