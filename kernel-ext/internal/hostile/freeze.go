package hostile

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Freeze stops a process by SIGSTOP and returns when each of its threads stands; until then it answers still.
func Freeze(ctx context.Context, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stopping process %d: %w", pid, err)
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !stands(pid) {
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("a thread of process %d still runs after SIGSTOP: %w", pid, ctx.Err())
		}
	}
	return nil
}

// stands reports whether each thread of a process is stopped.
func stands(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is a good one
	for _, stat := range threads {
		text, err := os.ReadFile(stat)
		if err == nil && !bytes.HasPrefix(text[bytes.LastIndexByte(text, ')')+1:], []byte(" T")) {
			return false
		}
	}
	return len(threads) > 0
}
