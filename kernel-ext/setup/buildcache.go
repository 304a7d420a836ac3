package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/internal/wholefile"
)

// SpareBuildCache keeps the go command from throwing away, for a day, what nobody has used for five: the packages that an image brings compiled are
// older than that soon, and its first cell would have all but its own compiled anew. dir is Go's build cache; one that is not there, or another user's, is left
// as it is.
func SpareBuildCache(dir string, now time.Time) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil
	}
	// The time of the last clearance, by cmd/go/internal/cache.
	err := wholefile.Write(filepath.Join(dir, "trim.txt"), fmt.Appendf(nil, "%d", now.Unix()), 0o644)
	if errors.Is(err, fs.ErrPermission) {
		return nil // nor can the go command clear it
	}
	return err
}
