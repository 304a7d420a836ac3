//go:build !linux

package main

import "github.com/spf13/cobra"

// systemCommands are those of this system alone: containers are Linux'.
func systemCommands() []*cobra.Command { return nil }
