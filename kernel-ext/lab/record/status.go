package record

import (
	"fmt"
	"strings"
	"time"

	"gantry.local/gan/lint"
	"gantry.local/gan/method"
	"gantry.local/kernel-ext/show"
)

// State is what a run is doing.
type State string

// The states of a run.
const (
	Starting State = "starting" // its process compiles the step
	Training State = "training"
	Paused   State = "paused" // waits for a client
	Failed   State = "failed" // a number is no longer finite: go back by Rewind
	Ended    State = "ended"  // has no process; Open or Attach go on from its last checkpoint
)

// Status is where a run stands.
type Status struct {
	Name  string
	Dir   string
	State State

	Step, Calls int // as train.Trainer.Step and Calls
	Target      int // step at which training ends or, paused, would end by Resume; 0: none
	Epoch       int

	StepsPerSecond float64              // of late; 0 while it does not train
	Seconds        float64              // of training so far
	Light          show.Light           // of the last look for collapse
	LightReason    string               // what it means
	Problem        string               // why it failed
	Unsaved        string               // why the last steps, which are good in memory, could not be saved; it is tried again and again
	Notice         string               // what was lost or carried over when the process started
	Settings       Settings             // the present values of what Run.Set changes
	Ranges         map[string]Range     // of these
	Loss           string               // present; "" where it is not one that Run.SetLoss changes
	Privacy        *method.PrivacySpent // of a private run; nil for others
	Signature      lint.Signature       // of the experiment as it was opened

	Numbers   []string // what steps report, by name
	Networks  []string // by name, in the order in which a step moves them
	Sampler   string   // the network that samples are drawn from; "": none
	Latent    int      // components of z; 0 without a Sampler
	Classes   int      // of a conditional generator, else 0
	Data      lint.DataShape
	Beside    []lint.DataShape // the other data sets, where there are several
	BatchSize int

	Checkpoints   []int         // steps that Rewind reaches at once
	Checkpointed  int           // step of the newest checkpoint
	CheckpointAge time.Duration // how long ago it was saved

	Pid     int       // of its process; 0: none
	Memory  int       // bytes of memory its process uses (resident set)
	Clients int       // connections of other processes
	Device  string    // such as "XLA on the CPU"
	Backend string    // in full
	Started time.Time // of its process
	Channel string    // of the notebook's kernel that last used it; "": none
}

// Settings are what Run.Set changes, by name, see train.Trainer.Settings.
type Settings map[string]float64

// Range is what a setting may be, both ends included, and what it is in a new run.
type Range struct{ Min, Max, Start float64 }

// String says in a line where the run stands.
func (s Status) String() string {
	parts := []string{s.Name, string(s.State)}
	if s.Target > s.Step {
		parts = append(parts, fmt.Sprintf("step %d of %d", s.Step, s.Target))
	} else {
		parts = append(parts, fmt.Sprintf("step %d", s.Step))
	}
	if s.StepsPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%.3g steps/s", s.StepsPerSecond))
	}
	if s.Privacy != nil {
		parts = append(parts, s.Privacy.String())
	}
	if s.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%d MB", s.Memory>>20))
	}
	for _, trouble := range []string{s.Problem, s.Unsaved} {
		if trouble != "" {
			parts = append(parts, trouble)
		}
	}
	return strings.Join(parts, " · ")
}

// Event is what has happened since the one before.
type Event struct {
	Earlier []show.Stretch // what came before Metrics and is told, or kept, in stretches
	Metrics []Metric       // recorded since, the oldest first
	Rewound bool           // the run went back: Earlier and Metrics begin with its first step again
	Status  Status
}
