package jupyter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestTheKernelsOwnMessagesAreNotTaken sends a kernel what it said itself, before a restart too: whoever reads iopub has
// well-signed messages.
func TestTheKernelsOwnMessagesAreNotTaken(t *testing.T) {
	key := []byte(NewID())
	before, after := NewGate(key), NewGate(key)
	if before.Session == after.Session {
		t.Error("JupyterLab tells messages of before a restart by their session")
	}
	said := NewMessage(before.Session, "comm_msg", nil, map[string]any{"comm_id": "slider", "data": map[string]any{}})
	for name, g := range map[string]*Gate{"the same kernel": before, "the next": after} {
		frames := append([][]byte{[]byte("peer")}, g.Signer.Frames(said)...)
		if _, _, err := g.Admit(frames); !errors.Is(err, errOwn) || g.Knows("peer") {
			t.Errorf("%s takes it: %v", name, err)
		}
	}
	other := NewMessage("front-end's", "comm_msg", nil, map[string]any{})
	frames := append([][]byte{[]byte("peer")}, after.Signer.Frames(other)...)
	if _, _, err := after.Admit(frames); err != nil || !after.Knows("peer") {
		t.Errorf("a front-end's is not taken: %v", err)
	}
}

func TestReplaysForgetTheOldestFirst(t *testing.T) {
	const most = 100
	r := replays{most: most}
	signature := func(i int) []byte { return fmt.Appendf(nil, "%032x%032x", i, i) }
	for i := range 3 * most {
		if !r.first(signature(i)) {
			t.Fatalf("message %d is taken for one that was", i)
		}
		for _, before := range []int{i, max(0, i-most)} {
			if r.first(signature(before)) {
				t.Fatalf("at message %d, %d is forgotten", i, before)
			}
		}
		if len(r.seen.now) > most || len(r.seen.past) > most {
			t.Fatalf("%d and %d are kept", len(r.seen.now), len(r.seen.past))
		}
	}
	for _, bad := range []string{"", "zz", strings.Repeat("0", 62), strings.Repeat("0", 66)} {
		if r.first([]byte(bad)) {
			t.Errorf("%q is taken for a signature", bad)
		}
	}
}
