package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gantry.local/kernel-ext/lab"
)

func runsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "runs [DIR…]",
		Short: "List the runs: those that live, those whose notebook is gone, those that can go on",
		Long: "Lists the runs of notebooks and of `gantry train` in the folders, or that these are; without any, those in\n" +
			"$" + lab.EnvRuns + ", else in runs of the checkout ($GANTRY_ROOT), else in ./runs.\n\n" +
			"A run lives when a process keeps it. It is an orphan when the notebook that last used it is gone; it goes on\n" +
			"training, and ends by itself when nobody has used it for two hours. One that has ended goes on from its last\n" +
			"checkpoint when it is opened. One that a signal has stopped is continued by kill -CONT; a hung one does not answer.",
		RunE: func(c *cobra.Command, dirs []string) error {
			list := lab.List
			if len(dirs) > 0 {
				list = func() (lab.Table, error) { return lab.ListIn(dirs...) }
			}
			all, err := list()
			if err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprint(c.OutOrStdout(), all)
				return nil
			}
			encoder := json.NewEncoder(c.OutOrStdout())
			for _, l := range all {
				if err := encoder.Encode(newRunRecord(l)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object per line")
	return c
}

// runRecord is a line of `gantry runs --json`.
type runRecord struct {
	Name           string  `json:"name"`
	Dir            string  `json:"dir"`
	State          string  `json:"state"` // as lab.State, or stopped, hung, damaged
	Living         bool    `json:"living"`
	Orphan         bool    `json:"orphan"`
	Step           int     `json:"step"`
	Target         int     `json:"target"`
	StepsPerSecond float64 `json:"steps_per_second"`
	Memory         int     `json:"memory"` // bytes
	Device         string  `json:"device"`
	Pid            int     `json:"pid"`
	Problem        string  `json:"problem"`

	Spec json.RawMessage `json:"spec,omitempty"` // what it trains, by names, where that can be said
}

func newRunRecord(l lab.Listed) runRecord {
	problem := l.Problem
	if problem == "" {
		problem = l.Unsaved
	}
	return runRecord{l.Name, l.Dir, l.Word(), l.Living, l.Orphan, l.Step, l.Target, l.StepsPerSecond, l.Memory, l.Device, l.Pid, problem, specIn(l.Dir)}
}

// specIn is what the run in a folder trains, by names; nil where that is not known.
func specIn(dir string) json.RawMessage {
	made, _, err := lab.RecipeIn(dir)
	if err != nil || !made.Known() {
		return nil
	}
	s, err := made.Spec()
	if err != nil {
		return nil
	}
	return json.RawMessage(s.String())
}

func stopCommand() *cobra.Command {
	var all bool
	var patience time.Duration
	c := &cobra.Command{
		Use:   "stop NAME… | DIR… | --all",
		Short: "Save runs and end their processes",
		Long: "Asks the process of each run to save its state and end; one that a signal has stopped is continued for it. One that\n" +
			"does not end within the patience is killed; its run goes on from its last timed checkpoint when it is opened again.\n" +
			"One that cannot save, because the disk is full, is left alone. A run that is not in the folder of runs is named by\n" +
			"its folder.",
		RunE: func(c *cobra.Command, names []string) error {
			switch {
			case all && len(names) > 0:
				return misuse{errors.New("give names or --all, not both")}
			case !all && len(names) == 0:
				return misuse{errors.New("name the runs to stop, or give --all; `gantry runs` lists them")}
			case patience <= 0:
				return misuse{fmt.Errorf("--patience %s: want a positive time", patience)}
			}
			if all {
				living, err := lab.List()
				if err != nil {
					return err
				}
				for _, l := range living {
					if l.Living {
						names = append(names, l.Name)
					}
				}
				if len(names) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "no run has a process")
				}
			}
			var failed []error
			for _, name := range names {
				found, killed, err := lab.EndRun(name, patience)
				switch {
				case err != nil:
					failed = append(failed, err)
				case !found:
					fmt.Fprintf(c.OutOrStdout(), "run %s has no process\n", name)
				case killed:
					fmt.Fprintf(c.OutOrStdout(), "run %s did not end within %s and was killed; it goes on from its last checkpoint\n", name, patience)
				default:
					fmt.Fprintf(c.OutOrStdout(), "run %s is saved and has ended\n", name)
				}
			}
			return errors.Join(failed...)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every run that has a process")
	c.Flags().DurationVar(&patience, "patience", 10*time.Second, "how long one may take before it is killed")
	return c
}
