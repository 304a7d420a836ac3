package golang

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// startGopls asks a real gopls about cells in a module of their own.
func startGopls(t *testing.T) *Gopls {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module cells\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	g := NewGopls(Workshop{Dir: dir, Tools: bin, Environment: os.Environ()}, func() *Earlier { return ReadEarlier("package main") }, t.Logf)
	t.Cleanup(g.Close)
	return g
}

// TestStaleCompletionsGiveWay gives up what waits for its turn, and what gopls has been asked: the next gets its answer.
func TestStaleCompletionsGiveWay(t *testing.T) {
	g := startGopls(t)
	const code = "%%\nx := strings.ToUpp"
	last := func(what string) {
		t.Helper()
		ways, _, _ := g.Complete(t.Context(), code, len(code))
		if !slices.ContainsFunc(ways, func(w Completion) bool { return w.Text == "ToUpper" }) {
			t.Errorf("%s: %v", what, ways)
		}
	}
	last("the first")

	g.turn <- struct{}{} // somebody else asks
	ctx, giveUp := context.WithCancel(t.Context())
	stale := make(chan struct{})
	go func() {
		g.Complete(ctx, code, len(code))
		close(stale)
	}()
	giveUp()
	select {
	case <-stale:
	case <-time.After(Patience / 2):
		t.Fatal("what nobody wants any more waits for its turn")
	}
	<-g.turn
	for n := range len(code) - 3 { // given up at any moment
		ctx, giveUp := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
		g.Complete(ctx, code[:n+3], n+3)
		giveUp()
	}
	last("after all that were given up")
}
