package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"gantry.local/gan/device"
)

const version = "0.1.0"

var commit string // set by the linker, see the Makefile; never written to

// describe is what a report of a fault should name: this program, and what it computes with.
func describe(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "gantry %s\ncommit %s\nbuilt with %s for %s/%s\n", version, builtFrom(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	found := false
	for _, choice := range device.Installed() {
		if choice.Plugin != "" {
			found = true
			fmt.Fprintf(&b, "plugin %s\n", plugin(ctx, choice))
		}
	}
	if !found {
		b.WriteString("plugin none: run `make setup`\n")
	}
	return b.String()
}

// builtFrom is the commit of the sources, as far as it is known.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	built, _ := debug.ReadBuildInfo()
	revision, modified := "unknown", ""
	if built != nil {
		for _, setting := range built.Settings {
			switch {
			case setting.Key == "vcs.revision":
				revision = setting.Value
			case setting.Key == "vcs.modified" && setting.Value == "true":
				modified = "-dirty"
			}
		}
	}
	return revision + modified
}

// plugin names a plugin by what it says of itself and by its content.
func plugin(ctx context.Context, choice device.Choice) string {
	file, err := os.Open(choice.Plugin)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err.Error()
	}
	api := "PJRT API unknown, for it does not start: run `gantry doctor`"
	if said, err := probe(ctx, choice.Config); err == nil {
		if _, after, found := strings.Cut(said, ") v"); found {
			api = "PJRT API " + strings.Fields(after)[0]
		}
	}
	return fmt.Sprintf("%s, %s, sha256 %s", choice.Plugin, api, hex.EncodeToString(hash.Sum(nil))[:16])
}
