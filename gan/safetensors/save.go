package safetensors

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Save writes the file to path so that path holds either its former content or the whole new one, whatever happens:
// a temporary file beside it is written, synced, read back and compared with its checksum, and renamed.
func (f *File) Save(path string) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temporary.Close()
			os.Remove(temporary.Name())
			err = fmt.Errorf("cannot save %s (earlier files are untouched): %w", path, err)
		}
	}()
	if _, err = f.WriteTo(temporary); err != nil {
		return err
	}
	if err = temporary.Sync(); err != nil {
		return err
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	if err = verify(temporary.Name()); err != nil {
		return err
	}
	if err = os.Rename(temporary.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
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
