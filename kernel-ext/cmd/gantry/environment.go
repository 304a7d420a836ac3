package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/spf13/cobra"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/kernel"
	"gantry.local/kernel-ext/setup"
)

func setupCommand() *cobra.Command {
	var cuda, repair bool
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install all that the notebooks run on, inside the checkout",
		Long: "Installs JupyterLab, the XLA plugin, GoNB and gopls into .venv and bin of the checkout, and compiles what cells\n" +
			"import. What is there already is left alone.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inCheckout(func(root string) error {
				return setup.Run(c.Context(), setup.Options{Root: root, CUDA: cuda, Repair: repair, Out: c.ErrOrStderr()})
			})
		},
	}
	c.Flags().BoolVar(&cuda, "cuda", false, "add the plugin and libraries for NVIDIA GPUs, which are the default then")
	c.Flags().BoolVar(&repair, "repair", false, "install everything anew")
	return c
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine every part by using it, and say what mends what does not work",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inCheckout(func(root string) error {
				report := func(f setup.Finding) {
					sign := "✓"
					if !f.OK && f.Needed {
						sign = "✗"
					} else if !f.OK {
						sign = "–"
					}
					fmt.Fprintf(c.OutOrStdout(), "%s %-28s %s\n", sign, f.Part, strings.Join(strings.Fields(f.Detail), " "))
					if f.Remedy != "" {
						fmt.Fprintf(c.OutOrStdout(), "  %-28s → %s\n", "", f.Remedy)
					}
				}
				if asJSON {
					encoder := json.NewEncoder(c.OutOrStdout())
					report = func(f setup.Finding) { encoder.Encode(f) }
				}
				if !setup.Doctor(c.Context(), root, probe, report) {
					return errors.New("something that is needed does not work; see above")
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	return c
}

// probe runs `gantry probe` in a process of its own: a broken plugin can take its process down.
func probe(ctx context.Context, backend string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, "probe", backend)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		for line := range strings.Lines(said.String()) {
			if text, found := strings.CutPrefix(line, "gantry: "); found {
				return "", errors.New(strings.TrimSpace(text))
			}
		}
		return "", fmt.Errorf("its process died: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func probeCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "probe BACKEND",
		Short:  "Compile and run a graph on a backend",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := device.Resolve(args[0]); err != nil {
				return misuse{err}
			}
			backend, err := device.Open(args[0])
			if err != nil {
				return err
			}
			defer backend.Finalize()
			exec, err := graph.NewExec(backend, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) })
			if err != nil {
				return err
			}
			result, err := exec.Call1([]float32{1, 2, 3})
			if err != nil {
				return err
			}
			if got := tensors.ToScalar[float32](result); got != 14 {
				return fmt.Errorf("1² + 2² + 3² is %g there, not 14", got)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s, %d device(s), computed 1² + 2² + 3² = 14\n", backend.Description(), backend.NumDevices())
			return nil
		},
	}
}

func labCommand() *cobra.Command {
	o := setup.LabOptions{}
	c := &cobra.Command{
		Use:   "lab",
		Short: "Open JupyterLab on the course",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Port < 0 || o.Port > 65535 {
				return misuse{fmt.Errorf("--port %d: want 1 to 65535", o.Port)}
			}
			return inCheckout(func(root string) error {
				o.Root, o.Log = root, c.ErrOrStderr()
				return setup.Lab(c.Context(), o)
			})
		},
	}
	c.Flags().BoolVar(&o.NoBrowser, "no-browser", false, "only print the address")
	c.Flags().IntVar(&o.Port, "port", 0, "port on loopback (default: the first free one from 8888 on)")
	return c
}

func kernelCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "kernel",
		Short: "Run the Jupyter kernel (Jupyter does this)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				return misuse{errors.New("--connection-file is missing; Jupyter gives it when it starts the kernel")}
			}
			return inCheckout(func(root string) error {
				choice, err := device.Resolve("")
				if err != nil {
					return err
				}
				os.Setenv(device.EnvBackend, choice.Config) // for cells, in which GoMLX itself may be asked for a backend
				ctx := context.WithoutCancel(c.Context())   // an interrupt is for the cell that runs
				return kernel.Serve(ctx, kernel.Config{ConnectionFile: file, Project: root, Ahead: true})
			})
		},
	}
	c.Flags().StringVar(&file, "connection-file", "", "Jupyter's connection file")
	return c
}

func nbrunCommand() *cobra.Command {
	o := setup.NotebookOptions{}
	c := &cobra.Command{
		Use:   "nbrun NOTEBOOK… --out DIR",
		Short: "Execute notebooks from top to bottom without a browser",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misusef("name the notebooks to execute, such as notebooks/00-start.ipynb")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if o.Out == "" {
				return misuse{errors.New("--out is missing: name the folder for the executed notebooks")}
			}
			if o.Timeout < time.Second {
				return misusef("--timeout %s: want at least 1s", o.Timeout)
			}
			if err := setup.CheckNotebooks(o.Out, args...); err != nil {
				return misuse{err}
			}
			return inCheckout(func(root string) error {
				o.Root, o.Log = root, c.OutOrStdout()
				return setup.RunNotebooks(c.Context(), o, args...)
			})
		},
	}
	c.Flags().StringVar(&o.Out, "out", "", "folder for the executed notebooks")
	c.Flags().BoolVar(&o.HTML, "html", false, "write a web page beside each")
	c.Flags().BoolVar(&o.Fast, "fast", false, "train with small budgets, to see that everything works")
	c.Flags().DurationVar(&o.Timeout, "timeout", setup.CellTimeout, "how long a cell may take, such as 90s or 1h")
	return c
}
