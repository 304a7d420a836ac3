package data

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unicode"
)

// openFile opens a regular file. What is none has no end or waits for somebody (a device, a FIFO): it is refused, and
// opening it does not wait either.
func openFile(path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return nil, irregular(path, info, err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0) // it may have become a FIFO meanwhile
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		file.Close()
		return nil, irregular(path, info, err)
	}
	return file, nil
}

// shown is a path as a message of one line has it.
func shown(path string) string {
	if strings.ContainsFunc(path, unicode.IsControl) {
		return strconv.Quote(path)
	}
	return path
}

func irregular(path string, info fs.FileInfo, err error) error {
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name a file", shown(path))
	}
	return fmt.Errorf("%s is no regular file (%s): copy what it gives into one", shown(path), info.Mode().Type())
}
