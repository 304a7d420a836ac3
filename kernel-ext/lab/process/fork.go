package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/lab/record"
)

// weights writes the weights as they are now into a folder.
func (r *Keeper) weights(ctx context.Context, dir string) error {
	if err := wholePath(dir); err != nil {
		return err
	}
	return r.between(ctx, func() error { return r.trainer.SaveWeights(dir) })
}

// branch makes a run folder out of the state as it is now.
func (r *Keeper) branch(ctx context.Context, dir string) error {
	return r.between(ctx, func() error {
		if err := r.save(); err != nil {
			return err
		}
		return Branch(r.dir, dir)
	})
}

// wholePath reports a folder that a client names by less than its whole path: its working folder is not this process's.
func wholePath(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("folder %q: name it by its whole path", dir)
	}
	return nil
}

// Branch copies what a fork begins with from one run's folder to another's, in which there is no run yet.
func Branch(from, to string) error {
	if err := wholePath(to); err != nil {
		return err
	}
	if _, err := record.ReadInfo(to); err == nil || errors.Is(err, record.ErrDamagedInfo) {
		return fmt.Errorf("%s is no folder for a fork: there is a run in it already", to)
	} else if !errors.Is(err, record.ErrNoRun) {
		return err
	}
	if err := private.Folder(filepath.Join(to, record.CheckpointsDir)); err != nil {
		return err
	}
	i, err := record.ReadInfo(from)
	if err != nil {
		return err
	}
	saved, err := train.Checkpoints(filepath.Join(from, record.CheckpointsDir))
	if err != nil {
		return err
	}
	if problem := saved[len(saved)-1].Problem; problem != nil {
		return problem
	}
	newest := filepath.Join(record.CheckpointsDir, filepath.Base(saved[len(saved)-1].Path))
	for _, name := range []string{newest, record.HistoryFile, record.EarlierFile, record.ChangesFile} {
		err := record.CopyFile(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && (!errors.Is(err, fs.ErrNotExist) || name == newest || name == record.HistoryFile) {
			return err
		}
	}
	i.From = filepath.Base(from)
	i.Status.Name, i.Status.Dir, i.Status.Target, i.Status.Channel = filepath.Base(to), to, 0, ""
	return i.Write(to)
}
