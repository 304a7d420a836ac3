package kernel

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/internal/wholefile"
)

// offerValue lays golang.ShowFunction beside the cell's program, if the cell shows a value.
func (p *proxy) offerValue(plan *agenda) error {
	if !plan.shows {
		return nil
	}
	return wholefile.WriteTransient(filepath.Join(p.engine.dir, golang.ShowFile), []byte(golang.ShowSource), 0o600)
}

// withdrawValue takes it away again.
func (p *proxy) withdrawValue(plan *agenda) {
	if !plan.shows {
		return
	}
	if err := os.Remove(filepath.Join(p.engine.dir, golang.ShowFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.log.Printf("cell module: %v", err)
	}
}

// takeValue returns what golang.ShowFunction left, as a MIME bundle, or nil.
func (p *proxy) takeValue(plan *agenda) map[string]any {
	if !plan.shows {
		return nil
	}
	path := filepath.Join(p.engine.dir, golang.ValueFile)
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
