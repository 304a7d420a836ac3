package process

import (
	"encoding/json"

	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
)

// What a run's process can be asked, and what it answers. The names and fields are those that earlier versions know.

// protocolVersion is raised by a change that an older process cannot answer.
const protocolVersion = 3

// Protocol is what a run's process and its clients agree on.
func Protocol() resident.Protocol {
	return resident.Protocol{Version: protocolVersion, Errors: map[string]error{"paused": ErrPaused, "unsaved": ErrUnsaved,
		"no picture": view.ErrNoPicture, "no text": view.ErrNoText, "ending": ErrEnding}}
}

// Arguments and results of the requests.
type (
	TrainArgs struct {
		N   int // more steps, or
		To  int // until this step
		Ask int // as goal.ask

		Network string // that moves alone, for N updates; "": ordinary steps
	}
	GoalReply struct {
		Until  int  // the step, or call for one network alone, at which the goal is reached
		Joined bool // it was under way
	}
	WaitArgs struct {
		Until   int
		Network string // as TrainArgs.Network
	}
	SetArgs struct {
		Name  string
		Value float64
		Loss  string
	}
	SampleArgs struct {
		N       int
		Seed    int64
		Z       []float32 `json:",omitempty"` // in the place of the two above
		Classes []int32   `json:",omitempty"` // of Z
		As      string    `json:",omitempty"` // what view.Rendered makes of them, in the place of numbers
	}
	HostArgs struct {
		What   string          // HostPanel or HostExplorer
		Path   string          // of the channel of the notebook's kernel
		Parent json.RawMessage // header of the cell below which it appears
	}
	FigureArgs struct {
		Channel string // path of the socket of the notebook's kernel
		Until   int
	}
	FollowArgs struct {
		After int // calls

		// Joined allows to tell of the steps up to so many calls, but for the last few, in stretches.
		Joined int `json:",omitempty"`
	}
	EventReply struct {
		Earlier int            `json:",omitempty"` // bytes beside this that are stretches of earlier calls; then come records
		First   int            // which are those of calls First+1, …
		Columns record.Columns // of which both are
		Rewound bool
		Status  record.Status
	}
	RewindReply struct {
		Step, From int // where it is now, and the checkpoint it started at
		Exact      bool
	}
)

// Event is what a reply tells, with the bytes beside it.
func (e EventReply) Event(content []byte) record.Event {
	earlier := min(e.Earlier, len(content))
	return record.Event{Earlier: e.Columns.Stretches(content[:earlier]), Metrics: e.Columns.Metrics(content[earlier:], e.First),
		Rewound: e.Rewound, Status: e.Status}
}

// What a run's process can host.
const (
	HostPanel    = "panel"
	HostExplorer = "explorer"
)
