package widget

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Output shows what is written to it, as a cell's output does.
type Output struct{ common }

// outputs is the state of an Output: entries as in a notebook file.
type outputs []map[string]any

const (
	keptOutputs = 200       // the oldest are dropped
	keptText    = 256 << 10 // bytes of one entry; the beginning is dropped
)

// Output makes an empty output.
func (ui *UI) Output() *Output {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	layout := ui.newModel(base, "LayoutModel", base, "LayoutView", layoutFields())
	return &Output{common{ui.newModel(output, "OutputModel", output, "OutputView", fields{
		"_dom_classes": []string{}, "tabbable": nil, "tooltip": nil, "layout": layout, "msg_id": "", "outputs": outputs{},
	})}}
}

// Write adds text, as print does; it implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.m.ui.mu.Lock()
	defer o.m.ui.mu.Unlock()
	all, _ := o.m.state["outputs"].(outputs)
	text := string(p)
	if n := len(all); n > 0 && all[n-1]["output_type"] == "stream" {
		before, _ := all[n-1]["text"].(string)
		text, all = before+text, all[:n-1]
	}
	o.show(all, map[string]any{"output_type": "stream", "name": "stdout", "text": text[max(0, len(text)-keptText):]})
	return len(p), nil
}

// Show adds an entry of any MIME types: what JSON says for them (pictures as []byte).
func (o *Output) Show(data map[string]any) error {
	if _, err := json.Marshal(data); err != nil {
		return fmt.Errorf("widget: what is to be shown is not JSON: %w", err)
	}
	o.m.ui.mu.Lock()
	defer o.m.ui.mu.Unlock()
	all, _ := o.m.state["outputs"].(outputs)
	o.show(all, map[string]any{"output_type": "display_data", "data": data, "metadata": map[string]any{}})
	return nil
}

// show replaces the entries by these; ui.mu is held.
func (o *Output) show(all outputs, last map[string]any) {
	all = append(slices.Clip(slices.Clone(all)), last)
	o.m.setHeld("outputs", all[max(0, len(all)-keptOutputs):])
}

// Clear removes all entries.
func (o *Output) Clear() { o.m.set("outputs", outputs{}) }
