package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/show"
)

func sampleCommand() *cobra.Command {
	var run, out, backend string
	var n int
	var seed int64
	c := &cobra.Command{
		Use:   "sample --run DIR --out FILE.png|FILE.npy",
		Short: "Draw samples from a trained run",
		Long:  "Draws samples as a picture (.png, ten columns) or as numbers (.npy: float32 [n,h,w,c] in [-1,1]).",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			kind := strings.ToLower(filepath.Ext(out))
			switch {
			case run == "":
				return misuse{errors.New("--run is missing: name a run folder")}
			case n <= 0:
				return misuse{fmt.Errorf("--n %d: want at least 1", n)}
			case kind != ".npy" && kind != ".png":
				return misuse{fmt.Errorf("--out %q: want a name that ends in .npy or .png", out)}
			}
			images, err := draw(run, backend, n, seed)
			if err != nil {
				return err
			}
			if kind == ".npy" {
				if err := wholefile.Write(out, npy(images), 0o600); err != nil {
					return fmt.Errorf("cannot write %s: %w", out, err)
				}
				return nil
			}
			grid, err := show.GridImage(show.Images(images), show.GridOptions{})
			if err != nil {
				return err
			}
			return show.SavePNG(out, grid)
		},
	}
	f := c.Flags()
	f.StringVar(&run, "run", "", "run folder, as `gantry train --out` wrote it")
	f.StringVar(&out, "out", "", "file to write, .npy or .png")
	f.IntVar(&n, "n", 100, "how many samples")
	f.Int64Var(&seed, "seed", 0, "of the latents")
	f.StringVar(&backend, "backend", "", "as for `gantry train`")
	return c
}

func draw(run, backend string, n int, seed int64) (gan.Images, error) {
	text, err := os.ReadFile(filepath.Join(run, runFile))
	if err != nil {
		return gan.Images{}, fmt.Errorf("%s is not a run folder: it has no %s", run, runFile)
	}
	var info runInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return gan.Images{}, fmt.Errorf("%s: %w", filepath.Join(run, runFile), err)
	}
	exp, err := info.experiment()
	if err != nil {
		return gan.Images{}, err
	}
	opened, err := device.Open(backend)
	if err != nil {
		return gan.Images{}, err
	}
	defer opened.Finalize()
	generator, err := gan.LoadGenerator(opened, exp, run)
	if errors.Is(err, os.ErrNotExist) {
		return gan.Images{}, fmt.Errorf("%s has no weights yet; let `gantry train` end, or go on with it by --resume", run)
	}
	if err != nil {
		return gan.Images{}, err
	}
	return generator.Sample(n, seed)
}

// npy encodes images as NumPy's format 1.0 (numpy.lib.format): magic, header length, header padded to 64 bytes, values.
func npy(images gan.Images) []byte {
	const magic = "\x93NUMPY\x01\x00"
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }", images.N, images.H, images.W, images.C)
	header += strings.Repeat(" ", 63-(len(magic)+2+len(header))%64) + "\n"
	var file bytes.Buffer
	file.WriteString(magic)
	binary.Write(&file, binary.LittleEndian, uint16(len(header)))
	file.WriteString(header)
	binary.Write(&file, binary.LittleEndian, images.Data)
	return file.Bytes()
}
