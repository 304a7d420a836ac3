//go:build unix

package kernel

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// stream is a named pipe that the programs of cells print to, read here byte by byte. It is one for all cells: it has no
// end, and whoever outlives its cell can go on printing.
type stream struct {
	file *os.File
	raw  syscall.RawConn

	mu   sync.Mutex // held while bytes pass from the pipe to take, so that they stay in order
	take func(data []byte)
	room []byte
}

// openStream makes a pipe at path; what is printed to it goes to take, which must not keep the slice.
func openStream(path string, take func(data []byte)) (*stream, error) {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	// Open for both: a reader alone would see the end of the pipe with the first program's.
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	s := &stream{file: f, raw: raw, take: take, room: make([]byte, 64<<10)}
	raw.Control(func(fd uintptr) { widenPipe(int(fd)) })
	go s.follow()
	return s, nil
}

// follow reads until close.
func (s *stream) follow() {
	for s.raw.Read(func(fd uintptr) bool { return s.readOnce(int(fd)) }) == nil {
	}
}

// drain takes all that was printed before the call.
func (s *stream) drain() {
	s.raw.Control(func(fd uintptr) {
		for s.readOnce(int(fd)) {
		}
	})
}

// readOnce takes what is in the pipe, at most once the room for it, and returns false when there is nothing.
func (s *stream) readOnce(fd int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := syscall.Read(fd, s.room)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Read(fd, s.room)
	}
	if n <= 0 {
		return false
	}
	s.take(s.room[:n])
	return true
}

func (s *stream) close() { s.file.Close() }
