package gantest

import "testing"

// Again is what value is after a notebook has kept it between two cells, in the same process: its type has Kept, and what
// that returns has Restored.
func Again[T any](t testing.TB, value T) T {
	t.Helper()
	standIn, err := any(value).(interface{ Kept() (any, error) }).Kept()
	if err != nil {
		t.Fatal(err)
	}
	restored, err := standIn.(interface{ Restored() (any, error) }).Restored()
	if err != nil {
		t.Fatal(err)
	}
	return restored.(T)
}
