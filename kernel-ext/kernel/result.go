package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/internal/wholefile"
)

// offerValue lays golang.ShowFunction beside the cell's program.
func (p *proxy) offerValue() error {
	return wholefile.WriteTransient(filepath.Join(p.module.dir, golang.ShowFile), []byte(golang.ShowSource), 0o600)
}

// withdrawValue takes it away again.
func (p *proxy) withdrawValue() {
	if err := os.Remove(filepath.Join(p.module.dir, golang.ShowFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Printf("cell module: %v", err)
	}
}

// takeValue returns what golang.ShowFunction left, as a MIME bundle, or nil.
func (p *proxy) takeValue() map[string]any {
	if p.module == nil {
		return nil
	}
	path := filepath.Join(p.module.dir, golang.ValueFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil // no value
	}
	if err := os.Remove(path); err != nil {
		p.log.Printf("value of a cell: %v", err)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		p.log.Printf("value of a cell: %v", err)
		return nil
	}
	return data
}

// builtAt returns when the program of the latest cell was built, or the zero time.
func (p *proxy) builtAt() time.Time {
	if p.module == nil {
		return time.Time{}
	}
	info, err := os.Stat(p.module.program())
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// built tells whether a program was built since then.
func (p *proxy) built(since time.Time) bool {
	const granularity = 10 * time.Millisecond // of the times that a file system keeps
	return p.builtAt().After(since.Add(-granularity))
}

// timing says how long a cell took that was given to GoNB at started and is over: the build, which ends when the
// program is written, and the run.
func (p *proxy) timing(started time.Time) string {
	total := time.Since(started)
	if !p.built(started) {
		return fmt.Sprintf("time: %.2f s, nothing built\n", total.Seconds())
	}
	build := max(0, p.builtAt().Sub(started))
	return fmt.Sprintf("time: build %.2f s, run %.2f s, together %.2f s\n",
		build.Seconds(), (total - build).Seconds(), total.Seconds())
}
