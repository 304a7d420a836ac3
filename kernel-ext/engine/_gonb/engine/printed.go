package main

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
)

// printed is a pipe that programs print to, read here byte by byte.
type printed struct {
	in  *os.File // for programs
	out *os.File
	raw syscall.RawConn

	mu   sync.Mutex // held while bytes pass from the pipe to take, so that they stay in order
	take func(text []byte)
	also func(text []byte) // the same, for %capture; nil: nothing
	room []byte
}

// roomSize is the most that is taken at once.
const roomSize = 64 << 10

// newPrinted makes a pipe. What is printed to it goes to take, which must not keep the slice and may wait: then so do the
// programs, when the pipe is full.
func newPrinted(take func(text []byte)) (*printed, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	raw, err := out.SyscallConn()
	if err != nil {
		return nil, err
	}
	p := &printed{in: in, out: out, raw: raw, take: take, room: make([]byte, roomSize)}
	if runtime.GOOS == "linux" { // so that a program that prints much seldom waits
		const setPipeSize, most = 1031, 1 << 20
		raw.Control(func(fd uintptr) { syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, most) })
	}
	go p.follow()
	return p, nil
}

// follow reads as long as the engine lives.
func (p *printed) follow() {
	for p.raw.Read(func(fd uintptr) bool { return p.readOnce(int(fd)) }) == nil {
	}
}

// drain takes all that was printed before the call.
func (p *printed) drain() {
	p.raw.Control(func(fd uintptr) {
		for p.readOnce(int(fd)) {
		}
	})
}

// readOnce takes what is in the pipe, at most once the room for it, and returns false when there is nothing.
func (p *printed) readOnce(fd int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := syscall.Read(fd, p.room)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Read(fd, p.room)
	}
	if n <= 0 {
		return false
	}
	p.pass(p.room[:n])
	return true
}

func (p *printed) pass(text []byte) {
	p.take(text)
	if p.also != nil {
		p.also(text)
	}
}

// say adds text of the engine's own behind what was printed before.
func (p *printed) say(text string) {
	p.drain()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pass([]byte(text))
}

// copyTo has what is printed copied, too. nil ends that.
func (p *printed) copyTo(also func(text []byte)) {
	p.drain()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.also = also
}
