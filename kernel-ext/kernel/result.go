package kernel

import (
	"encoding/json"
	"os"
	"path/filepath"

	"gantry.local/kernel-ext/analysis"
	"gantry.local/kernel-ext/value"
)

// takeValue returns what a cell's program has left of the value of its last expression, as a MIME bundle, or nil.
func (p *proxy) takeValue(read *analysis.Cell) map[string]any {
	if read == nil || !read.Shows {
		return nil
	}
	path := filepath.Join(p.engine.dir, value.File)
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
