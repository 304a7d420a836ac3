package jupyter

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Connection is the content of a connection file.
type Connection struct {
	IP              string `json:"ip"`
	Transport       string `json:"transport"`
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme"`
	Shell           int    `json:"shell_port"`
	IOPub           int    `json:"iopub_port"`
	Stdin           int    `json:"stdin_port"`
	Control         int    `json:"control_port"`
	Heartbeat       int    `json:"hb_port"`

	Owner int `json:"-"` // of the connection file: who wrote it has the key
}

// Endpoint is the ZeroMQ endpoint of one of the ports.
func (c Connection) Endpoint(port int) string {
	separator := ":"
	if c.Transport == "ipc" {
		separator = "-"
	}
	return c.Transport + "://" + c.IP + separator + strconv.Itoa(port)
}

// Files are the Unix sockets among the endpoints.
func (c Connection) Files() []string {
	if c.Transport != "ipc" {
		return nil
	}
	var paths []string
	for _, port := range []int{c.Shell, c.IOPub, c.Stdin, c.Control, c.Heartbeat} {
		paths = append(paths, strings.TrimPrefix(c.Endpoint(port), "ipc://"))
	}
	return paths
}

// ReadConnection reads a connection file.
func ReadConnection(path string) (Connection, error) {
	c := Connection{Owner: os.Getuid()}
	text, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("cannot read the connection file: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			c.Owner = int(stat.Uid)
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("connection file %s: %w", path, err)
	}
	if c.Key != "" && c.SignatureScheme != "" && c.SignatureScheme != "hmac-sha256" {
		return c, fmt.Errorf("connection file %s: signature scheme %q; want hmac-sha256", path, c.SignatureScheme)
	}
	return c, nil
}
