package lab

import (
	"strings"
	"time"

	"gantry.local/kernel-ext/lab/process"
)

// RunOptions of OpenWith. All but Name and Changed matter when the run's process starts; one that lives keeps its own.
type RunOptions struct {
	Name         string        // of the run and its folder; default: the experiment's
	Changed      Changed       // what to do where the run's experiment is another one; default Refuse
	Backend      string        // as for device.Open; default "", as there
	Checkpoint   time.Duration // between two timed checkpoints; default 30 s
	Idle         time.Duration // without clients and training after which the process saves and ends; default 2 h, negative: never
	MeasureEvery int           // steps between two measurements of the samples' distance from the data, which is then a number among the others; default 0, none
	Samples      int           // in the figure, see NewView; default 0, as many as suit the data
	Seed         int64         // of the figure's samples
	Made         Recipe        // how the run is made again by names, where that is known; default: that is found out, if it can be
	Args         []string      // of the program as the run's process; default nil, this process's
	Check        func() error  // of Keep, and of an experiment that is new or changed: runs while the step is compiled; on its error the run does not begin
}

func (o RunOptions) process() process.KeepOptions {
	return process.KeepOptions{Opened: o.Name, Backend: o.Backend, Checkpoint: o.Checkpoint, Idle: o.Idle, Samples: o.Samples, Seed: o.Seed,
		MeasureEvery: o.MeasureEvery, Made: o.Made}
}

// Changed says what to do when a run is opened whose experiment is another one now.
type Changed string

// What can be done about a changed experiment. ForkAs is a third way.
const (
	Refuse    Changed = ""           // fail, naming the difference and the choices
	CarryOver Changed = "carry over" // go on as the new experiment, with all weights that fit
	StartAnew Changed = "start anew" // begin at step 0; the old folder is moved aside

	// FromWeights is for a run none of whose checkpoints is whole: begin at step 0 with the weights that lie beside them, and
	// with optimizers that know nothing. The damaged checkpoints are moved aside.
	FromWeights Changed = "from weights"
)

const forkAs = "fork as "

// ForkAs goes on as the new experiment in a run of another name, with all weights that fit; the old run stays as it is.
func ForkAs(name string) Changed { return Changed(forkAs + name) }

func (c Changed) fork() (name string, is bool) { return strings.CutPrefix(string(c), forkAs) }
