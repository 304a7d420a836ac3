package train

import "testing"

// TestWithoutFolders wants the folders of a machine to stay out of what a notebook shows and stores.
func TestWithoutFolders(t *testing.T) {
	for text, want := range map[string]string{
		"xla:/opt/some/place/cpu.so - PJRT plugin (/opt/some/place/cpu.so) v0.81": "xla:cpu.so - PJRT plugin (cpu.so) v0.81",
		"Go, with vectors of 8 float32":                                           "Go, with vectors of 8 float32",
	} {
		if got := withoutFolders(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
