package resident_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/internal/resident"
)

// TestTake wants one keeper, whoever looks meanwhile, and however long a look takes.
func TestTake(t *testing.T) {
	dir := t.TempDir()
	if resident.Kept(dir) || resident.Keeper(dir) != 0 {
		t.Error("a folder without a lock is kept")
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("a look left %v", entries)
	}
	lock, err := resident.Take(dir, 0)
	if lock == nil || err != nil {
		t.Fatal(lock, err)
	}
	if info, err := os.Stat(filepath.Join(dir, resident.LockFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("the lock: %v, %v", info, err)
	}
	if !resident.Kept(dir) || resident.Keeper(dir) != os.Getpid() || !lock.There() {
		t.Errorf("kept %v by %d, there %v", resident.Kept(dir), resident.Keeper(dir), lock.There())
	}
	if other, err := resident.Take(dir, 10*time.Millisecond); other != nil || err != nil {
		t.Errorf("a second keeper: %v, %v", other, err)
	}
	os.Remove(filepath.Join(dir, resident.LockFile))
	if lock.There() {
		t.Error("a lock that was removed is there")
	}
	lock.Release()
	if resident.Keeper(dir) != 0 || !resident.AwaitEnd(dir, 0) {
		t.Error("a folder that was left is kept")
	}

	looks := func() (stop func()) {
		look := flock.New(filepath.Join(dir, resident.LockFile))
		if shared, err := look.TryRLock(); !shared || err != nil {
			t.Fatal(shared, err)
		}
		return func() { look.Unlock() }
	}
	stop := looks()
	time.AfterFunc(300*time.Millisecond, stop) // its process did not come to it before
	lock, err = resident.Take(dir, 0)
	if lock == nil || err != nil {
		t.Fatalf("while another only looked: %v, %v", lock, err)
	}
	lock.Release()
}

// TestStuckLook wants who takes a lock to give up in the end, and to say why.
func TestStuckLook(t *testing.T) {
	dir := t.TempDir()
	look := flock.New(filepath.Join(dir, resident.LockFile), flock.SetPermissions(0o600))
	if shared, err := look.TryRLock(); !shared || err != nil {
		t.Fatal(shared, err)
	}
	defer look.Unlock()
	if lock, err := resident.Take(dir, 0); lock != nil || err == nil || !strings.Contains(err.Error(), "only looks at") {
		t.Errorf("%v, %v", lock, err)
	}
}
