package sweep

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"time"

	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/lab/record"
)

// State is what became of a trial, or what it is doing.
type State string

// The states of a trial. From Done to Interrupted they are outcomes, which a trial's folder keeps.
const (
	Waiting     State = "waiting"     // has not begun
	Training    State = "training"    // a process trains it
	Begun       State = "begun"       // has a run and no process; a repeated sweep goes on
	Done        State = "done"        // at its last step
	Stopped     State = "stopped"     // early, because others were better
	Diverged    State = "diverged"    // a number is no longer finite
	Refused     State = "refused"     // its settings do not fit each other or the data
	Failed      State = "failed"      // for another reason
	Died        State = "died"        // its process was killed, again and again
	NoRoom      State = "no room"     // the disk was full
	Interrupted State = "interrupted" // with the sweep; its step is saved
)

// Exit codes of `gantry sweep`, one for each class of what can be the matter.
const (
	CodeDone        = 0   // every trial is done, or was stopped early
	CodeFailed      = 1   // the sweep itself failed
	CodeWrong       = 2   // the spec or the command line is wrong, or the one trial that was to be run is refused
	CodeSame        = 3   // a trial diverged or was refused: the same would happen again
	CodeAgain       = 4   // a trial died, failed or found no room: another try may go well
	CodeEngine      = 5   // the engine is not there, or has failed
	CodeNoMetric    = 6   // trials are done, and none has the metric
	CodeInterrupted = 130 // by a signal; all is saved, and the same command goes on
)

// code is the exit code that a state is reason for.
func (s State) code() int {
	switch s {
	case Diverged, Refused:
		return CodeSame
	case Failed, Died, NoRoom:
		return CodeAgain
	case Interrupted, Waiting, Begun, Training:
		return CodeInterrupted
	}
	return CodeDone
}

// Code is the exit code that it is reason for.
func (o Outcome) Code() int { return o.State.code() }

// Outcome is what became of a trial when it was last tried.
type Outcome struct {
	State    State     `json:"state"`
	Problem  string    `json:"problem,omitempty"` // in a line
	Steps    int       `json:"steps"`             // to which it was to train
	Seconds  float64   `json:"seconds"`           // that its processes took together
	Attempts int       `json:"attempts"`          // processes
	Ended    time.Time `json:"ended"`
}

const largestOutcome = 64 << 10 // bytes

// outcome is what a trial's folder, or this process, knows; false where it has not ended yet.
func (s *Sweep) outcome(t Trial) (o Outcome, ended bool) {
	s.mu.Lock()
	o, ended = s.unkept[t.Name]
	s.mu.Unlock()
	if ended {
		return o, true
	}
	f, err := private.Open(filepath.Join(s.dirOf(t), outcomeFile))
	if err != nil {
		return o, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestOutcome))
	return o, err == nil && json.Unmarshal(text, &o) == nil && o.State != ""
}

// keep writes what became of a trial into its folder. Where that cannot be, this process remembers it, and the error says why.
func (s *Sweep) keep(t Trial, o Outcome) error {
	text, err := json.MarshalIndent(o, "", " ")
	if err != nil {
		return err
	}
	dir := s.dirOf(t)
	if _, err = record.MakeDir(dir); err == nil { // a trial that was refused has none
		err = wholefile.WriteTransient(filepath.Join(dir, outcomeFile), append(text, '\n'), 0o600)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.unkept, t.Name); err != nil {
		s.unkept[t.Name] = o
	}
	return err
}

// ErrEngine is wrapped by the errors of an engine that is not there or has failed.
var ErrEngine = errors.New("the engine")

// Code is the exit code that the trials are reason for: that of the worst, a later number being worse but for CodeNoMetric.
func (s *Sweep) Code() int {
	worst, withMetric, done := CodeDone, 0, 0
	for _, r := range s.Rows() {
		worst = max(worst, r.State.code())
		if r.State == Done {
			done++
			if r.HasValue() {
				withMetric++
			}
		}
	}
	if worst == CodeDone && done > 0 && withMetric == 0 {
		return CodeNoMetric
	}
	return worst
}
