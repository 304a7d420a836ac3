//go:build !linux

package keep

import "os"

// written is when a file was last written to, in nanoseconds since 1970, or 0 where the system does not say.
func written(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}
