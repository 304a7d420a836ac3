package kernel

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// logger writes lines to the kernel log, whole, from any goroutine.
type logger struct {
	mu sync.Mutex
	to io.Writer

	since      time.Time // when the period began
	complaints int       // in it
}

const (
	complaintPeriod = time.Minute
	mostComplaints  = 30 // in a period
)

// Write passes p on whole; it implements io.Writer.
func (l *logger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

func (l *logger) printf(format string, args ...any) {
	fmt.Fprintf(l, "gantry kernel: "+format+"\n", args...)
}

// complain is printf for what a stranger can cause at will. When there is much of it, it is only counted.
func (l *logger) complain(format string, args ...any) {
	l.mu.Lock()
	var more int
	if now := time.Now(); now.Sub(l.since) > complaintPeriod {
		more = l.complaints - mostComplaints
		l.since, l.complaints = now, 0
	}
	l.complaints++
	quiet := l.complaints > mostComplaints
	l.mu.Unlock()
	if more > 0 {
		l.printf("%d more such lines were left out", more)
	}
	if !quiet {
		l.printf(format, args...)
	}
}
