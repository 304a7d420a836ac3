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
		return InSnapshot(dir), nil
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
	return InSnapshot(dir), nil
}

// InSnapshot returns the settings of the environment for a folder that Snapshot has filled. Where it has not, a program
// begins without values.
func InSnapshot(dir string) []string {
	if _, err := os.Lstat(store.Path(dir, snapshotManifest)); err != nil {
		return []string{EnvDir + "=", EnvFrom + "=", EnvTo + "="}
	}
	return []string{EnvDir + "=" + dir, EnvFrom + "=" + snapshotManifest, EnvTo + "="}
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
