package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// Attach returns a run by its name, or by its folder where that is not in RunsDir. One that has no process is started from
// the program that it last ran; one that has none, because `gantry train` trained it, is started from this program, with its
// recipe.
func Attach(name string) (*Run, error) {
	dir, err := record.DirOf(name)
	if err != nil {
		return nil, err
	}
	r := &Run{name: filepath.Base(dir), dir: dir}
	if s, is := residentOf(); is {
		if i, err := record.ReadInfo(dir); s.Dir == dir && err == nil && i.MadeBy().Known() {
			of, err := i.MadeBy().Description()
			if err != nil {
				giveUp(err)
			}
			process.Serve(s, of, process.KeepOptions{Opened: r.name, Made: i.MadeBy()})
		}
		r.observer = true
		return r, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	for range attempts {
		if err = r.ready(ctx); !errors.Is(err, resident.ErrNobody) {
			return r, err
		}
		o, as, err := programOf(dir)
		if err != nil {
			return nil, err
		}
		if err := r.startProcess(ctx, process.Start{Dir: dir, As: as}, o); err != nil {
			return nil, err
		}
	}
	return r, err
}

// Find returns a run by its name or folder to be looked at: its records, its samples, what it keeps. It starts no process; a run that has none
// cannot be trained or changed, for which there is Attach.
func Find(name string) (*Run, error) {
	dir, err := dirOf(name)
	if err != nil {
		return nil, err
	}
	r := runIn(dir)
	if _, r.observer = residentOf(); r.observer {
		return r, nil
	}
	if _, err := r.Status(); err != nil {
		return nil, err
	}
	return r, nil
}

// programOf is how the process of a run is started without its experiment, and the name by which its program opens it.
func programOf(dir string) (o resident.StartOptions, as string, err error) {
	i, err := record.ReadInfo(dir)
	if err != nil && !errors.Is(err, record.ErrDamagedInfo) {
		return o, "", err
	}
	program := filepath.Join(dir, resident.ProgramFile)
	_, gone := os.Lstat(program)
	name := filepath.Base(dir)
	switch {
	case gone != nil && i == nil:
		return o, "", fmt.Errorf("%w, and its program is gone: open it by lab.Open and its experiment, or by "+
			"`gantry train --resume --recipe NAME --out %s`", err, dir)
	case gone == nil && i == nil: // how it was called is not known any more
		return resident.StartOptions{Program: program, Args: []string{}}, "", nil
	case gone == nil:
		if as = i.Opened; as == "" {
			as = i.Status.Name
		}
		return resident.StartOptions{Program: program, Args: append([]string{}, i.Args...), WorkDir: i.WorkDir}, as, nil
	case i.MadeBy().Known():
		return o, "", nil
	}
	return o, "", fmt.Errorf("run %s cannot be started: its program is gone; open it by lab.Open and its experiment", name)
}
