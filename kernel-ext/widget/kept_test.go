package widget

import "testing"

// TestNotKept wants a notebook to be told what to do about a widget that it cannot keep.
func TestNotKept(t *testing.T) {
	ui, _ := connect(t)
	for name, value := range map[string]interface{ Kept() (any, error) }{"UI": ui, "widget": ui.Button("press").core()} {
		if standIn, err := value.Kept(); standIn != nil || err == nil {
			t.Errorf("a %s is kept as %v", name, standIn)
		}
	}
}
