package process

import (
	"time"

	"gantry.local/kernel-ext/lab/record"
)

// KeepOptions of a run's process.
type KeepOptions struct {
	Opened       string        // the name by which its program opens the run
	Backend      string        // as for device.Open
	Checkpoint   time.Duration // between two timed checkpoints; default 30 s
	Idle         time.Duration // without clients and training after which the process saves and ends; default 2 h, negative: never
	Samples      int           // in the figure, see view.New; default 0, as many as suit the data
	Seed         int64         // of the figure's samples
	MeasureEvery int           // steps between two measurements of the samples' distance from the data, at least; default 0, none
	Made         record.Recipe // how the run is made again, where that is known
	Foreground   bool          // it is not a program's copy but the program itself, `gantry train`
	Check        func() error  // of an experiment that is new or changed, runs while the step is compiled; on its error the run does not begin; default nil
}

func (o KeepOptions) withDefaults() KeepOptions {
	if o.Checkpoint <= 0 {
		o.Checkpoint = 30 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 2 * time.Hour
	}
	if o.Check == nil {
		o.Check = func() error { return nil }
	}
	return o
}

// Start is how a run's process begins, handed over in the environment.
type Start struct {
	Dir     string
	Adopt   bool   // carry over what fits from the newest checkpoint, rather than want it to be this experiment's
	Weights bool   // begin with the weights that were saved beside the checkpoints, none of which is whole
	From    string // the run that it is a fork of
	As      string // the name by which the program opens the run, whose folder was moved or copied
}
