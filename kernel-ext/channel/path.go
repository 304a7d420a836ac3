package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"gantry.local/kernel-ext/internal/private"
)

// SocketFile is the name of the kernel's socket in its folder. The folder is also for the sockets of processes that
// belong to that kernel.
const SocketFile = "kernel"

// Path returns the path of the socket of the kernel with this connection file. It follows from the connection file
// alone, which Jupyter keeps when it restarts a kernel, and lies beside it: who could take that place could have written
// the connection file, and its key, as well. In the temporary folder, which is everybody's, another user could take it.
func Path(connectionFile string) string {
	if absolute, err := filepath.Abs(connectionFile); err == nil {
		connectionFile = absolute
	}
	sum := sha256.Sum256([]byte(connectionFile))
	return filepath.Join(filepath.Dir(connectionFile), "gantry-"+hex.EncodeToString(sum[:8]), SocketFile)
}

// ListenAt opens a Unix socket for this user alone, in place of one that a dead process left, never of a living one's.
// The folder of path is made where it is missing. Closing the listener removes the socket; RemoveFolder then removes the
// folder if it is empty.
func ListenAt(path string) (net.Listener, error) {
	dir := filepath.Dir(path)
	for range 10 { // a process that ends may remove the folder just now
		if err := private.Folder(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		l, err := private.Listen(dir, filepath.Base(path))
		if !errors.Is(err, os.ErrNotExist) {
			return l, err
		}
	}
	return nil, fmt.Errorf("the folder %s vanishes again and again", dir)
}

// RemoveFolder removes the folder of a socket if it is empty.
func RemoveFolder(path string) { os.Remove(filepath.Dir(path)) }
