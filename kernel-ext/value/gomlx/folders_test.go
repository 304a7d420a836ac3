package gomlx

import "testing"

// TestWithoutFolders wants the folders of a machine to stay out of what a notebook shows and stores.
func TestWithoutFolders(t *testing.T) {
	const text, want = "xla:/opt/some/place/cpu.so - PJRT plugin (/opt/some/place/cpu.so) v0.81", "xla:cpu.so - PJRT plugin (cpu.so) v0.81"
	if got := withoutFolders(text); got != want {
		t.Errorf("%q becomes %q, want %q", text, got, want)
	}
}
