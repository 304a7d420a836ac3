package kernel

import "testing"

// TestNext has every event happen in every state.
func TestNext(t *testing.T) {
	type step struct {
		to state
		do action
	}
	for from, events := range map[state]map[event]step{
		waiting: {
			begins: {building, nothing}, starts: {waiting, nothing}, interrupted: {waiting, nothing}, impatient: {waiting, nothing},
			ends: {waiting, nothing},
		},
		building: {
			begins: {building, nothing}, starts: {running, nothing}, interrupted: {stopping, askToEnd}, impatient: {building, nothing},
			ends: {over, nothing},
		},
		running: {
			begins: {building, nothing}, starts: {running, nothing}, interrupted: {stopping, askToEnd}, impatient: {running, nothing},
			ends: {over, nothing},
		},
		stopping: {
			begins: {stopping, nothing}, starts: {stopping, nothing}, interrupted: {stopping, kill}, impatient: {stopping, kill},
			ends: {over, nothing},
		},
		over: {
			begins: {over, nothing}, starts: {over, nothing}, interrupted: {over, nothing}, impatient: {over, nothing},
			ends: {over, nothing},
		},
	} {
		for e, want := range events {
			if to, do := next(from, e); to != want.to || do != want.do {
				t.Errorf("next(%d, %d) is %d, %d; want %d, %d", from, e, to, do, want.to, want.do)
			}
		}
	}
}
