package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/internal/oversee"
	"gantry.local/kernel-ext/setup"
)

// envGrace is how long the processes of a container may take to end; whoever runs it can set this, and not the flags.
const envGrace = "GANTRY_GRACE"

func systemCommands() []*cobra.Command { return []*cobra.Command{containerCommand()} }

func containerCommand() *cobra.Command {
	var course string
	c := &cobra.Command{
		Use:   "container PROGRAM [ARGUMENT…]",
		Short: "Be the first process of a container: nothing in it is killed before it had time to save",
		Long: "Runs a program, such as JupyterLab, and reaps the processes that nobody else waits for. When the container is\n" +
			"stopped, or the program ends, every process is told to end (SIGTERM), at which the training runs save; this one\n" +
			"ends last. What takes longer than $" + envGrace + " (default 9s, as docker stop allows 10) is killed.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := exec.LookPath(args[0]); err != nil {
				return misuse{fmt.Errorf("there is no program %q here; name one that is on PATH, or its path", args[0])}
			}
			o := oversee.Options{Args: args, Dir: course, Log: c.ErrOrStderr()}
			if text := os.Getenv(envGrace); text != "" {
				var err error
				if o.Grace, err = time.ParseDuration(text); err != nil || o.Grace <= 0 {
					return misuse{fmt.Errorf("%s=%s: want a positive time, such as 55s", envGrace, text)}
				}
			}
			ctx, cancel := signal.NotifyContext(c.Context(), syscall.SIGHUP, syscall.SIGQUIT)
			defer cancel()
			signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // who reads the log may go away before the runs have saved
			if course != "" {
				err := inCheckout(func(root string) error { return setup.CopyCourse(filepath.Join(root, "notebooks"), course) })
				if err != nil {
					return err
				}
			}
			if cache := os.Getenv("GOCACHE"); cache != "" {
				if err := setup.SpareBuildCache(cache, time.Now()); err != nil {
					fmt.Fprintln(c.ErrOrStderr(), "gantry: what the image brings compiled may be compiled anew:", err)
				}
			}
			code, err := oversee.Run(ctx, o)
			if err == nil && code != 0 {
				err = ended(code)
			}
			return err
		},
	}
	c.Flags().StringVar(&course, "course", "", "folder that gets the chapters it has not got yet, and in which the program runs")
	c.Flags().SetInterspersed(false) // what follows the program is the program's
	return c
}
