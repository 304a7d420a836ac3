package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
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

// RemoveFolder removes the folder of a socket if it is empty.
func RemoveFolder(path string) { os.Remove(filepath.Dir(path)) }
