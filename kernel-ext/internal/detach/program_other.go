//go:build unix && !linux

package detach

import "os"

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
