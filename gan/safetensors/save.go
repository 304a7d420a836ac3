package safetensors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Save writes the file to path so that path holds either its former content or the whole new one, whatever happens.
func (f *File) Save(path string) error { return SaveAll(Target{path, f}) }

// Target is a file and where it is to be saved.
type Target struct {
	Path string
	File *File
}

// SaveAll writes files that belong together: where one of them cannot be written, none of the paths is touched. A temporary
// file beside each path is written, synced, read back and compared with its checksum; then all are renamed.
func SaveAll(targets ...Target) error {
	var written []string
	defer func() {
		for _, temporary := range written { // those that were renamed are gone
			os.Remove(temporary)
		}
	}()
	for _, target := range targets {
		temporary, err := target.File.writeBeside(target.Path)
		if err != nil {
			return fmt.Errorf("cannot save %s (earlier files are untouched): %w", target.Path, err)
		}
		written = append(written, temporary)
	}
	for i, target := range targets {
		err := os.Rename(written[i], target.Path)
		if err == nil {
			err = syncDir(filepath.Dir(target.Path))
		}
		if err != nil {
			return fmt.Errorf("cannot save %s: %w", target.Path, err)
		}
	}
	return nil
}

// writeBeside writes and verifies a temporary file in the folder of path.
func (f *File) writeBeside(path string) (name string, err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			temporary.Close()
			os.Remove(temporary.Name())
		}
	}()
	if _, err = f.WriteTo(temporary); err != nil {
		return "", err
	}
	if err = temporary.Sync(); err != nil {
		return "", err
	}
	if err = temporary.Close(); err != nil {
		return "", err
	}
	return temporary.Name(), verify(temporary.Name())
}

// syncDir makes a rename in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// verify compares a file with its checksum.
func verify(path string) error {
	r, err := Open(path)
	if err != nil {
		return err
	}
	return errors.Join(r.scan(nil, nil), r.Close())
}
