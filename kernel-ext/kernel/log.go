package kernel

import (
	"fmt"
	"io"
	"sync"
)

// logger writes lines to the kernel log, whole, from any goroutine.
type logger struct {
	mu sync.Mutex
	to io.Writer
}

// Write passes p on whole; it implements io.Writer.
func (l *logger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func (l *logger) printf(format string, args ...any) {
	fmt.Fprintf(l, "gantry kernel: "+format+"\n", args...)
}
