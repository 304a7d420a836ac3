package resident

import (
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestKeepValuesAtOnce has several clients start one process: none takes away what another is writing.
func TestKeepValuesAtOnce(t *testing.T) {
	dir := t.TempDir()
	var clients errgroup.Group
	for range 8 {
		clients.Go(func() error {
			for range 50 {
				if err := keepValues(dir, true); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := clients.Wait(); err != nil {
		t.Error(err)
	}
}
