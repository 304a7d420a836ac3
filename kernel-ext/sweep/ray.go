package sweep

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

//go:embed ray.py
var rayDriver string

// rayPlan is what ray.py must know.
type rayPlan struct {
	Command []string          `json:"command"` // `gantry sweep DIR`
	Env     map[string]string `json:"env"`     // that it needs, on whatever machine
	Cwd     string            `json:"cwd"`
	Folders []string          `json:"folders"` // of the trials
	Missing []int             `json:"missing"` // trials to train
	Rungs   []int             `json:"rungs"`   // steps at which trials may be stopped; the last is the end
	Factor  int               `json:"factor"`
	Metric  string            `json:"metric"`
	Mode    string            `json:"mode"`
	Slots   int               `json:"slots"`
	Retries int               `json:"retries"`
	Storage string            `json:"storage"` // for Ray's own notes
}

// Ray trains what is missing on Ray Tune, which also stops trials early where the spec asks for halving: on the cluster that RAY_ADDRESS names, whose
// machines must all have this program and the sweep's folder at the same paths, or on this machine. python is the Python that has Ray; "":
// that of `make ray`. Errors wrap ErrEngine where there is no Ray, or it fails.
func (s *Sweep) Ray(ctx context.Context, python string, log io.Writer) error {
	python, err := s.train.pythonWith("Ray", python)
	if err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	missing := s.Missing()
	if len(missing) == 0 {
		return nil
	}
	storage := filepath.Join(s.Dir, ".ray")
	defer os.RemoveAll(storage)
	plan := s.rayPlan(missing, storage)
	c, said, err := pythonCommand(ctx, python, rayDriver, plan)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "Ray starts %d trials, %d at once\n", len(missing), plan.Slots)
	ended, told := s.tell(ctx, log)
	c.Env = append(os.Environ(), "RAY_AIR_NEW_OUTPUT=0", "RAY_USAGE_STATS_ENABLED=0", "PYTHONNOUSERSITE=1")
	if os.Getenv("RAY_ADDRESS") == "" {
		c.Env = append(c.Env, alone()...)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = c.Run()
	ended()
	<-told
	switch {
	case ctx.Err() != nil:
		s.awaitEnds(endPatience)
		return nil
	case err != nil && len(s.Missing()) > 0:
		s.awaitEnds(endPatience)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // what is left of a Ray that has died
		return fmt.Errorf("%w: Ray has failed: %s (%w); the same command goes on", ErrEngine, lastLine(said.String()), err)
	}
	return s.orphans("Ray")
}

func (s *Sweep) rayPlan(missing []Trial, storage string) rayPlan {
	p := rayPlan{
		Command: append(s.sweepCommand(), s.Dir), Env: ownEnvironment(), Cwd: s.Dir, Rungs: s.Spec.rungs(), Factor: 3, Metric: s.Spec.Metric, Mode: "min",
		Slots: s.Spec.slots(), Retries: s.Spec.retries(), Storage: storage,
	}
	if s.Spec.Halving != nil {
		p.Factor = s.Spec.Halving.factor()
	}
	if s.Spec.Best == Greatest {
		p.Mode = "max"
	}
	for _, t := range s.Trials {
		p.Folders = append(p.Folders, s.dirOf(t))
	}
	for _, t := range missing {
		p.Missing = append(p.Missing, t.Index)
	}
	return p
}

// alone are the variables that keep a Ray of this machine alone to itself: it listens on loopback, by the switch that Ray has for systems on which
// it has no clusters, and answers to who knows a token. Who reaches an open Ray can run anything.
func alone() []string {
	return []string{"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0", "RAY_AUTH_MODE=token", "RAY_AUTH_TOKEN=" + rand.Text()}
}

// rungs are the steps at which trials may be stopped, and the last.
func (s *Spec) rungs() []int {
	var rungs []int
	if h := s.Halving; h != nil {
		for at := h.First; at < s.Steps; at *= h.factor() {
			rungs = append(rungs, at)
		}
	}
	return append(rungs, s.Steps)
}

// ErrHalving is the error of an engine that stops no trials early where the spec asks for it.
var ErrHalving = errors.New("halving is Ray's: add --engine ray, or take it out of the spec to train all trials to the end")
