//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"gantry.local/kernel-ext/lab"
)

// envNested marks the soak that has a mount namespace of its own.
const envNested = "GANTRY_SOAK_NESTED"

// ownNamespace runs the soak once more where it may mount small disks and nobody else sees them: in a mount namespace of
// its own, and for one who is not root in a user namespace. nested is false where the system does not allow that, and in
// the soak that runs there.
func ownNamespace() (code int, nested bool) {
	if os.Getenv(envNested) != "" {
		return 0, false
	}
	runtime.LockOSThread() // with this thread the soak would end
	soak := exec.Command("/proc/self/exe", os.Args[1:]...)
	soak.Env = append(os.Environ(), envNested+"=1")
	soak.Stdin, soak.Stdout, soak.Stderr = os.Stdin, os.Stdout, os.Stderr
	soak.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		const mayMount = 21 // CAP_SYS_ADMIN
		soak.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		soak.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		soak.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		soak.SysProcAttr.AmbientCaps = []uintptr{mayMount}
	}
	if soak.Start() != nil {
		return 0, false
	}
	signals := passOn(soak.Process)
	defer signals()
	soak.Wait()
	return soak.ProcessState.ExitCode(), true
}

// disks mounts a small disk for each run of a keeper.
type disks struct{ size int64 }

// newDisks tries whether disks can be mounted here. Each holds a run's program, the next one's, and little more.
func newDisks(p *place) (*disks, error) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return nil, err
	}
	program, err := os.Stat(p.program)
	if err != nil {
		return nil, err
	}
	d := &disks{2*program.Size() + 16<<20}
	trial := filepath.Join(p.dir, "disk")
	return d, errors.Join(d.mount(trial), d.unmount(trial))
}

func (d *disks) mount(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", d.size)); err != nil {
		return fmt.Errorf("mounting %s: %w", dir, err)
	}
	return nil
}

func (d *disks) unmount(dir string) error {
	err := syscall.Unmount(dir, syscall.MNT_DETACH)
	if errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(dir))
}

const ballastFile = "ballast"

// fill leaves no room on the disk of dir.
func fill(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ballastFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		if _, err := f.Write(piece); errors.Is(err, syscall.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			return err
		}
	}
	return nil
}

func free(dir string) error { return os.Remove(filepath.Join(dir, ballastFile)) }

// full is what befalls the runs on small disks.
func full() []fault {
	return []fault{
		{"disk full, then room", 4, (*keeper).diskFull},
		{"disk full, run killed", 2, (*keeper).diskFullKilled},
		{"run killed (kill -9)", 2, (*keeper).killed},
		{"run told to terminate", 1, (*keeper).terminated},
	}
}

// diskFull wants a run that cannot write to wait with all its steps, and to go on when it can.
func (k *keeper) diskFull(context.Context) error {
	pid, _, err := k.pid()
	if err != nil {
		return err
	}
	if err := fill(k.dir); err != nil {
		return err
	}
	var s lab.Status
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if s, err = k.status(); err != nil || s.State != lab.Training || time.Now().After(deadline) {
			break
		}
	}
	if err != nil || s.Pid != pid {
		return errors.Join(fmt.Errorf("the run did not outlive it: %v", s), err, free(k.dir))
	}
	if s.State == lab.Training {
		return errors.Join(fmt.Errorf("the run trains on at step %d with no room for its history", s.Step), free(k.dir))
	}
	if !strings.Contains(s.String(), "space") && s.Step < k.steps {
		err = fmt.Errorf("the run stands at step %d and does not say why", s.Step)
	}
	if err := errors.Join(err, free(k.dir)); err != nil {
		return err
	}
	if err := k.ledger.timed("checkpoint, room again", k.run.Checkpoint); err != nil {
		return fmt.Errorf("there is room again, but saving says: %w", err)
	}
	after, err := k.status()
	if err == nil && (after.Step < s.Step || after.Pid != pid || after.Checkpointed < s.Step) {
		err = fmt.Errorf("step %d was reached when the disk was full; now process %d is at step %d and has saved step %d",
			s.Step, after.Pid, after.Step, after.Checkpointed)
	}
	return err
}

// diskFullKilled kills a run that could not write: what it saved before is there.
func (k *keeper) diskFullKilled(ctx context.Context) error {
	if err := fill(k.dir); err != nil {
		return err
	}
	pause(ctx, 100+k.rnd.IntN(400))
	if err := errors.Join(k.kill(), free(k.dir)); err != nil {
		return err
	}
	return k.resume(k.least, false)
}
