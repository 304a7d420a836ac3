// Package gantest helps tests that run graphs: it opens the real backends, and fails where they are missing.
package gantest

import (
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/device"
)

// XLA opens XLA on the CPU. A test without its plugin fails with the command that installs it.
func XLA(t testing.TB) compute.Backend { return Open(t, "xla:cpu") }

// Go opens the pure Go backend.
func Go(t testing.TB) compute.Backend { return Open(t, "go") }

// Open opens the backend called name, as for device.Open, or fails the test. The backend is finalized when the test
// ends.
func Open(t testing.TB, name string) compute.Backend {
	t.Helper()
	backend, err := device.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Finalize)
	return backend
}

// EachBackend runs test once on XLA on the CPU and once on the pure Go backend, as subtests with the backend's name.
func EachBackend(t *testing.T, test func(t *testing.T, backend compute.Backend)) {
	for _, name := range []string{"xla:cpu", "go"} {
		t.Run(name, func(t *testing.T) { test(t, Open(t, name)) })
	}
}
