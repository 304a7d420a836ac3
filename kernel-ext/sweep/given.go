package sweep

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// givenReader reads a trial's records, for the programs that are given a sweep.
//
//go:embed given.py
var givenReader string

// given is what programs for other keepers of results get on standard input: the sweep, and where its trials' records are.
type given struct {
	To     string       `json:"to"` // a file, a server
	Sweep  string       `json:"sweep"`
	Spec   *Spec        `json:"spec"`
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
	g := given{To: to, Sweep: filepath.Base(s.Dir), Spec: s.Spec}
	for _, r := range s.Rows() {
		t := givenTrial{r.Index, r.Name, r.Settings, r.State, r.Problem, r.Step, r.Seconds, r.Attempts, nil, r.Best, filepath.Join(s.dirOf(r.Trial), progressFile)}
		if !r.Ended.IsZero() {
			t.Ended = &r.Ended
		}
		g.Trials = append(g.Trials, t)
	}
	c, said, err := pythonCommand(ctx, python, givenReader+program, g)
	if err != nil {
		return err
	}
	c.Env = append(withoutNotebook(os.Environ()), "PYTHONNOUSERSITE=1", "PYTHONSAFEPATH=1") // no module of the folder that it is called from
	if err := c.Run(); ctx.Err() != nil {
		return errors.New("interrupted; the same command writes the results")
	} else if err != nil {
		return fmt.Errorf("%s (%w)", lastLine(said.String()), err)
	}
	return nil
}
