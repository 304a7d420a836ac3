package widget

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"gantry.local/kernel-ext/channel"
)

// SetFallback changes what is shown in the place of w when its program has ended, as DisplayWith has set it. metadata has
// the same keys, nil for none. It fails where w was not displayed.
func (ui *UI) SetFallback(w Widget, fallback, metadata map[string]any) error {
	if metadata == nil {
		metadata = map[string]any{}
	}
	for _, part := range []any{fallback, metadata} {
		if _, err := json.Marshal(part); err != nil {
			return fmt.Errorf("widget: the fallback: %w", err)
		}
	}
	ui.mu.Lock()
	var farewell *channel.Message
	for _, frame := range ui.models {
		if children, _ := frame.state["children"].([]*model); frame.farewell != nil && slices.Contains(children, w.core()) {
			farewell = frame.farewell
		}
	}
	if farewell == nil {
		ui.mu.Unlock()
		return errors.New("widget: it is not displayed")
	}
	var content map[string]any
	if err := json.Unmarshal(farewell.Content, &content); err != nil {
		ui.mu.Unlock()
		return fmt.Errorf("widget: the fallback: %w", err)
	}
	content["data"], content["metadata"] = fallback, metadata
	farewell.Content = encode(content)
	will := *farewell
	ui.mu.Unlock()
	if err := ui.conn.Will(will.ID, will); err != nil && !errors.Is(err, channel.ErrAway) {
		return fmt.Errorf("widget: %w", err)
	}
	return nil
}
