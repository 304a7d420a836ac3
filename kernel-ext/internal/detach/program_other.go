//go:build unix && !linux

package detach

import (
	"fmt"
	"os"
)

// openProgram opens an executable, "" for that of this process.
func openProgram(path string) (*os.File, error) {
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		path = self
	}
	return os.Open(path)
}

// throughDescriptor fails: paths cannot be shortened here.
func throughDescriptor(dir string) (path string, release func(), err error) {
	return "", nil, fmt.Errorf("the folder %s has too long a path for a socket: set GANTRY_RUNS to one with a short path", dir)
}
