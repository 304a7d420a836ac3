package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// given is what programs for other keepers of results get on standard input: the sweep, and where its trials' records are.
type given struct {
	To     string       `json:"to"` // a file, a server
	Sweep  string       `json:"sweep"`
	Spec   *Spec        `json:"spec"`
	Steps  int          `json:"steps"`
	Trials []givenTrial `json:"trials"`
}

type givenTrial struct {
	Trial    int              `json:"trial"`
	Name     string           `json:"name"`
	Settings map[string]Value `json:"settings"`
	State    State            `json:"state"`
	Problem  string           `json:"problem"`
	Step     int              `json:"step"`
	Seconds  float64          `json:"seconds"`
	Attempts int              `json:"attempts"`
	Ended    *time.Time       `json:"ended"` // null: it has not
	Best     bool             `json:"best"`
	Records  string           `json:"records"` // its progress.jsonl
}

// give has a Python program write the sweep as it stands to somewhere. The error is the last line that the program says.
func (s *Sweep) give(ctx context.Context, python, program, to string) error {
	g := given{To: to, Sweep: filepath.Base(s.Dir), Spec: s.Spec, Steps: s.Spec.Steps}
	for _, r := range s.Rows() {
		o, _ := s.outcome(r.Trial)
		t := givenTrial{r.Index, r.Name, r.Settings, r.State, r.Problem, r.Step, r.Seconds, o.Attempts, nil, r.Best, filepath.Join(s.dirOf(r.Trial), progressFile)}
		if !r.Ended.IsZero() {
			t.Ended = &r.Ended
		}
		g.Trials = append(g.Trials, t)
	}
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, python, "-c", program)
	said := &tail{noRoom: func() {}}
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(text), io.Discard, said
	c.Env = append(withoutNotebook(os.Environ()), "PYTHONNOUSERSITE=1", "PYTHONSAFEPATH=1") // no module of the folder that it is called from
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = endPatience
	if err := c.Run(); ctx.Err() != nil {
		return errors.New("interrupted; the same command writes the results")
	} else if err != nil {
		return fmt.Errorf("%s (%w)", lastLine(said.String()), err)
	}
	return nil
}
