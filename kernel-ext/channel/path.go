package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"gantry.local/kernel-ext/internal/private"
)

// SocketFile is the name of the kernel's socket in its folder. The folder is also for the sockets of processes that
// belong to that kernel.
const SocketFile = "kernel"

// longestPath is the longest path of a Unix socket that every system takes.
const longestPath = 103

// Path returns the path of the socket of the kernel with this connection file. It follows from the connection file
// alone, which Jupyter keeps when it restarts a kernel, and is short enough for a Unix socket where the temporary folder
// has a path of sensible length.
func Path(connectionFile string) string {
	if absolute, err := filepath.Abs(connectionFile); err == nil {
		connectionFile = absolute
	}
	sum := sha256.Sum256([]byte(connectionFile))
	base := filepath.Join(os.TempDir(), "gantry-"+strconv.Itoa(os.Getuid()))
	path := filepath.Join(base, hex.EncodeToString(sum[:8]), SocketFile)
	if len(path) > longestPath {
		base = filepath.Join("/tmp", filepath.Base(base))
		path = filepath.Join(base, hex.EncodeToString(sum[:8]), SocketFile)
	}
	return path
}

// ListenAt opens a Unix socket for this user alone, in place of one that a dead process left, never of a living one's.
// The folder of path, and the one above it, are made where they are missing. Closing the listener removes the socket;
// RemoveFolder then removes what is empty.
func ListenAt(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	for range 10 { // a process that ends may remove the folder just now
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := private.Folder(d); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
		l, err := private.Listen(dir, filepath.Base(path))
		if !errors.Is(err, os.ErrNotExist) {
			return l, err
		}
	}
	return nil, fmt.Errorf("the folder %s vanishes again and again", dir)
}

// RemoveFolder removes the folder of a socket, and the one above it, where they are empty.
func RemoveFolder(path string) {
	dir := filepath.Dir(path)
	if os.Remove(dir) == nil {
		os.Remove(filepath.Dir(dir))
	}
}
