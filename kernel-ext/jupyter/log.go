package jupyter

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Logger writes lines to the kernel log, whole, from any goroutine.
type Logger struct {
	mu sync.Mutex
	To io.Writer

	since      time.Time // when the period began
	complaints int       // in it
}

const (
	complaintPeriod = time.Minute
	mostComplaints  = 30 // in a period
)

// Write passes p on whole; it implements io.Writer.
func (l *Logger) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.To.Write(p)
}

// Printf writes a line.
func (l *Logger) Printf(format string, args ...any) {
	fmt.Fprintf(l, "gantry kernel: "+format+"\n", args...)
}

// Complain is Printf for what a stranger can cause at will. When there is much of it, it is only counted.
func (l *Logger) Complain(format string, args ...any) {
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
		l.Printf("%d more such lines were left out", more)
	}
	if !quiet {
		l.Printf(format, args...)
	}
}
