// Command gantry sets up, examines and runs the notebook environment, and trains GANs from the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/setup"
)

// Exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisuse
)

// ended is the exit code of a program that was run, which has said itself what was the matter.
type ended int

// Error says the code.
func (e ended) Error() string { return fmt.Sprintf("it ended with code %d", int(e)) }

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	os.Exit(run(ctx, os.Args[1:]))
}

// run executes a command line and returns its exit code. Errors go to standard error, in one line.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && strings.HasPrefix(err.Error(), "unknown command") { // which cobra looks for before it asks Args
		err = misusef("%w; see `gantry --help`", err)
	}
	if err == nil {
		return exitDone
	}
	var code ended
	if errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "gantry: "+oneLine(err))
	var wrong misuse
	if errors.As(err, &wrong) {
		return exitMisuse
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	var tellVersion bool
	root := &cobra.Command{
		Use:           "gantry",
		Short:         "A laboratory for generative adversarial networks in Go notebooks",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if tellVersion {
				fmt.Fprint(c.OutOrStdout(), describe(c.Context()))
				return nil
			}
			return c.Help()
		},
		DisableSuggestions: true, // they take several lines
	}
	root.Flags().BoolVar(&tellVersion, "version", false, "print version, commit and XLA plugin")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagMisuse)
	root.SetHelpCommand(helpCommand())
	root.AddCommand(setupCommand(), doctorCommand(), labCommand(), kernelCommand(), nbrunCommand(), trainCommand(), partsCommand(),
		sampleCommand(), measureCommand(), exportCommand(), benchCommand(), probeCommand(), runsCommand(), compareCommand(), logCommand(), stopCommand(),
		sweepCommand())
	root.AddCommand(systemCommands()...)
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE, c.Args = needShell, cobra.ArbitraryArgs
		}
	}
	checkArguments(root)
	return root
}

// inCheckout runs do with the checkout's folder.
func inCheckout(do func(root string) error) error {
	root, err := setup.FindRoot()
	if err != nil {
		return err
	}
	return do(root)
}

// oneLine joins the lines of an error and cuts what follows the first: stack traces of libraries.
func oneLine(err error) string {
	var kept []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept[:min(3, len(kept))], "; ")
}
