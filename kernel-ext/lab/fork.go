package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"gantry.local/gan"
	"gantry.local/kernel-ext/lab/process"
	"gantry.local/kernel-ext/lab/record"
)

// Fork opens a second run that goes on from this one's present state: change makes its experiment from a copy of this
// one's, and nil leaves it as it is. Both see the same latents and batches from there on, so what differs comes from the
// change alone, and where nothing is changed they stay equal bit for bit. The fork has a process and a folder of its own.
// Where there is a run of that name already, it is opened as by OpenWith.
func (r *Run) Fork(name string, change func(*gan.Experiment)) (*Run, error) {
	if r.exp == nil {
		return nil, fmt.Errorf("run %s was attached by name, and a fork needs its experiment: open it by lab.Open", r.name)
	}
	dir, err := record.DirOf(name)
	if err != nil {
		return nil, err
	}
	if dir == r.dir {
		return nil, fmt.Errorf("Fork(%q): a fork needs a name of its own", name)
	}
	exp := *r.exp
	if change != nil {
		change(&exp)
	}
	o := r.o
	o.Name = name
	if s, is := residentOf(); is {
		if s.Dir == dir {
			process.Serve(s, exp, o.process())
		}
		return &Run{name: name, dir: dir, exp: &exp, o: o, observer: true}, nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	return forked(ctx, r, name, exp, o)
}
