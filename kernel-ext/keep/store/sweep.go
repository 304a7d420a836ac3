package store

import (
	"errors"
	"io/fs"
	"os"
)

// Sweep removes all files of a folder that the manifest of this name does not need, other manifests included. With an empty
// name nothing is needed. It must not run while a program writes to the folder. A manifest that cannot be read removes nothing.
func Sweep(dir, name string) error {
	needed := map[string]bool{}
	if name != "" {
		m, err := ReadManifest(dir, name)
		if err != nil {
			return err
		}
		needed[name] = true
		for _, file := range m.Files() {
			needed[file] = true
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if needed[entry.Name()] || entry.IsDir() {
			continue
		}
		if gone := os.Remove(Path(dir, entry.Name())); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}
