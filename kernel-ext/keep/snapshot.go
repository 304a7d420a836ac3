package keep

import (
	"errors"
	"io"
	"os"

	"gantry.local/kernel-ext/keep/store"
)

// snapshotManifest is the name of the manifest in a folder that Snapshot has filled.
const snapshotManifest = "values"

// Snapshot leaves what this process has brought back in a folder, which must be private to the user, and returns the
// settings of the environment with which the same program, started again, begins with the same values. That program keeps
// nothing at its end. Files are linked where that can be, for they never change. Where there is nothing to bring back, the
// settings say so.
func Snapshot(dir string) ([]string, error) {
	s := current.Load()
	if s == nil {
		return []string{EnvDir + "=", EnvFrom + "=", EnvTo + "="}, nil
	}
	m := s.was.Only(func(v store.Value) bool {
		_, loaded := s.loaded[v.Cluster]
		return loaded && v.Cluster != store.NotKept
	})
	for _, file := range m.Files() {
		if err := linkOrCopy(store.Path(s.dir, file), store.Path(dir, file)); err != nil {
			return nil, err
		}
	}
	if err := m.Write(dir, snapshotManifest); err != nil {
		return nil, err
	}
	return []string{EnvDir + "=" + dir, EnvFrom + "=" + snapshotManifest, EnvTo + "="}, nil
}

func linkOrCopy(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
