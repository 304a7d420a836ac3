package detach

import (
	"fmt"
	"os"
)

// openProgram opens an executable, "" for that of this process, also where its file has been replaced since.
func openProgram(path string) (*os.File, error) {
	if path == "" {
		path = "/proc/self/exe"
	}
	return os.Open(path)
}

// throughDescriptor names the socket in a folder by a descriptor of the folder, whatever the length of its path.
func throughDescriptor(dir string) (path string, release func(), err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), SocketFile), func() { folder.Close() }, nil
}
