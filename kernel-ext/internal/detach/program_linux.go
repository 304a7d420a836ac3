package detach

import "os"

// openProgram opens an executable, "" for that of this process, also where its file has been replaced since.
func openProgram(path string) (*os.File, error) {
	if path == "" {
		path = "/proc/self/exe"
	}
	return os.Open(path)
}
