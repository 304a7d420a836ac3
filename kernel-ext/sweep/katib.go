package sweep

import (
	_ "embed"
	"fmt"
	"maps"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gantry.local/kernel-ext/internal/wholefile"
)

const katibFile = "katib.yaml" // in the sweep's folder

//go:embed katib.yaml.tmpl
var katibManifest string

// katibFilter finds the metrics in a line of `gantry train --json`, as Katib's collector wants it: a name and a value. Its own, without a filter, is for
// name=value, and what it takes for JSON has texts for numbers.
const katibFilter = `"([\w|-]+)":([+-]?\d+(\.\d+)?([Ee][+-]?\d+)?)`

// katibParameter is a parameter of an Experiment, and the flag it becomes.
type katibParameter struct {
	Name, Type string
	List       []string // of a categorical one
	Min, Max   string   // of others
	Log        bool
}

// ExportKatib writes an Experiment of Katib into the sweep's folder and returns its path. Katib chooses the trials itself: each of the grid, or so many
// as the sweep has at random where the spec draws settings. It reads the metric from what a trial prints. A trial is a Job that trains into a folder of its own
// on the claim.
func (s *Sweep) ExportKatib(c Cluster) (string, error) {
	name := s.nameForOthers()
	parameters := s.katibParameters()
	if len(parameters) == 0 {
		return "", wrongf("Katib needs a setting to choose: give the spec a grid, random settings or seeds")
	}
	algorithm, goal := "grid", "minimize"
	if s.Spec.Random != nil {
		algorithm = "random"
	}
	if s.Spec.Best == Greatest {
		goal = "maximize"
	}
	command := []string{"/gantry/bin/gantry", "train", "--json", "--steps", strconv.Itoa(s.Spec.Steps), "--out", path.Join(podRuns, name, "${trialParameters.trial}")}
	command = append(command, Trial{Settings: s.Spec.Train}.flags()...)
	for i, word := range command { // Katib makes one line for a shell of them
		if !strings.Contains(word, "${") {
			command[i] = quoted(word)
		}
	}
	for _, p := range parameters {
		command = append(command, fmt.Sprintf("--%s=${trialParameters.%s}", p.Name, p.Name))
	}
	made, err := manifest(katibManifest, map[string]any{
		"Name": name, "Image": c.Image, "Claim": c.Claim, "Trials": len(s.Trials), "Slots": s.Spec.slots(), "Goal": goal, "Metric": s.Spec.Metric, "Algorithm": algorithm,
		"Others": slices.DeleteFunc(slices.Clone(s.train.Metrics), func(m string) bool { return m == s.Spec.Metric || m == "epsilon" || m == "delta" }),
		"Filter": katibFilter, "Parameters": parameters, "Command": command, "User": podUser, "Runs": podRuns,
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", katibFile, err)
	}
	file := filepath.Join(s.Dir, katibFile)
	return file, wholefile.Write(file, made, 0o600)
}

// katibParameters are what Katib chooses from, the seeds last.
func (s *Sweep) katibParameters() (all []katibParameter) {
	add := func(name string, values []Value) {
		p := katibParameter{Name: name, Type: "categorical"}
		for _, v := range values {
			p.List = append(p.List, string(v))
		}
		all = append(all, p)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Spec.Grid)) {
		add(name, s.Spec.Grid[name])
	}
	if s.Spec.Random != nil {
		for _, name := range slices.Sorted(maps.Keys(s.Spec.Random.From)) {
			c := s.Spec.Random.From[name]
			if c.Values != nil {
				add(name, c.Values)
				continue
			}
			p := katibParameter{Name: name, Type: "double", Log: c.Log}
			low, high := c.Low, c.High
			if strings.HasPrefix(s.train.Kinds[name], "int") {
				p.Type, low, high = "int", math.Ceil(low), math.Floor(high)
			}
			p.Min, p.Max = strconv.FormatFloat(low, 'f', -1, 64), strconv.FormatFloat(high, 'f', -1, 64)
			all = append(all, p)
		}
	}
	if s.Spec.Seeds != nil {
		var seeds []Value
		for _, seed := range s.Spec.Seeds {
			seeds = append(seeds, Value(strconv.FormatInt(seed, 10)))
		}
		add("seed", seeds)
	}
	return all
}
