package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// EndRun saves the run's state and ends its process; one that does not end within patience is killed. killed tells which,
// and found whether there was a process at all. A process that cannot save, because the disk is full, say, is left alone. A
// run that is kept elsewhere than in RunsDir is named by its folder.
func EndRun(name string, patience time.Duration) (found, killed bool, err error) {
	dir, err := record.DirOf(name)
	if err != nil {
		return false, false, err
	}
	if err := record.Trusted(dir); err != nil {
		return false, false, err
	}
	if !record.Holds(dir) && !resident.Kept(dir) {
		return false, false, fmt.Errorf("run %s: %w", name, record.ErrNoRun)
	}
	return endRun(filepath.Base(dir), dir, patience)
}

// EndRunsIn is EndRun for all runs in a folder that is not RunsDir.
func EndRunsIn(dir string, patience time.Duration) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		_, _, failed := endRun(entry.Name(), filepath.Join(dir, entry.Name()), patience)
		err = errors.Join(err, failed)
	}
	return err
}

func endRun(name, dir string, patience time.Duration) (found, killed bool, err error) {
	if err := record.Trusted(dir); err != nil {
		return false, false, err
	}
	if !resident.Kept(dir) {
		return false, false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := &Run{name: name, dir: dir}
	pid := resident.Keeper(dir)
	if resident.Stopped(pid) { // it could not save
		syscall.Kill(pid, syscall.SIGCONT)
	}
	asked := r.call(ctx, "stop", nil, nil)
	if errors.Is(asked, process.ErrUnsaved) {
		return true, false, asked
	}
	if asked != nil && pid > 0 { // it is of another version, or hangs; the signal asks the same
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && resident.Kept(dir) {
			return true, false, fmt.Errorf("run %s: process %d cannot be ended: %w", name, pid, err)
		}
	}
	deadline, _ := ctx.Deadline()
	if resident.AwaitEnd(dir, max(time.Until(deadline), 100*time.Millisecond)) {
		return true, false, nil
	}
	if pid == 0 {
		return true, false, fmt.Errorf("run %s does not end, and which process keeps it is not known: see what has %s open", name,
			filepath.Join(dir, resident.LockFile))
	}
	if now := resident.Keeper(dir); now != pid && now > 0 { // it ended, and one that was about to begin has taken its place
		return endRun(name, dir, patience)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return true, false, fmt.Errorf("run %s: process %d cannot be killed: %w", name, pid, err)
	}
	if !resident.AwaitEnd(dir, max(patience, killPatience)) {
		return true, true, fmt.Errorf("run %s: process %d does not end though it was killed", name, pid)
	}
	return true, true, nil
}

const killPatience = 2 * time.Second // for the system to end a killed process
