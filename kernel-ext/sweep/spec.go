package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gantry.local/gan/part"
	"gantry.local/gan/spec"
)

const (
	mostTrials  = 10_000
	mostSlots   = 1024
	mostRetries = 100
)

// Spec says which trials a sweep has and how they are judged. As a file it is JSON:
//
//	{
//	  "train":  {"recipe": "toy", "data": "ring"},
//	  "grid":   {"batch": [32, 64, 128]},
//	  "random": {"draws": 4, "seed": 1, "from": {"max-time": ["10s", "20s"]}},
//	  "seeds":  [0, 1],
//	  "steps":  2000,
//	  "metric": "critic_loss",
//	  "best":   "greatest",
//	  "slots":  2
//	}
//
// Each value of the grid is combined with each other, with each draw and with each seed.
type Spec struct {
	Train   map[string]Value   `json:"train,omitempty"`  // settings that all trials have, by the names of `gantry train`'s flags
	Grid    map[string][]Value `json:"grid,omitempty"`   // settings with the values to try
	Random  *Random            `json:"random,omitempty"` // settings drawn at random; nil: none
	Seeds   Seeds              `json:"seeds,omitempty"`  // a list, or a number n for 0 to n-1; none: the seed that Train or Grid says
	Steps   int                `json:"steps"`            // each trial trains to; trials go on where a repeated sweep asks for more
	Metric  string             `json:"metric"`           // of `gantry train --json`, by which trials are compared: its value at the last step
	Best    Best               `json:"best"`
	Slots   int                `json:"slots,omitempty"`   // trials at once; 0: 1
	Retries *int               `json:"retries,omitempty"` // of a trial whose process died; nil: 2
	Halving *Halving           `json:"halving,omitempty"` // early stopping, which Ray does; nil: every trial trains to Steps
}

// Halving stops trials early: at First steps, then at First·Factor and so on, the best of Factor trials goes on (ASHA: Li et al. 2018,
// arXiv:1810.05934).
type Halving struct {
	First  int `json:"first"`            // steps, 1 to Spec.Steps-1
	Factor int `json:"factor,omitempty"` // 2 or more; 0: 3
}

// Best says which values of the metric are good.
type Best string

// The directions.
const (
	Least    Best = "least"
	Greatest Best = "greatest"
)

// Better tells whether a is better than b.
func (b Best) Better(a, than float64) bool {
	if b == Greatest {
		return a > than
	}
	return a < than
}

// Value is a setting's value as `gantry train` takes it: 64, 0.001, ring,n=500, true.
type Value string

// UnmarshalJSON takes a number, a string or a truth value. A number has one writing: 64 is 64.0.
func (v *Value) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var any any
	if err := decoder.Decode(&any); err != nil {
		return err
	}
	switch any := any.(type) {
	case string:
		*v = Value(any)
	case bool:
		*v = Value(strconv.FormatBool(any))
	case json.Number:
		*v = number(any.String())
	default:
		return fmt.Errorf("%s is no value of a setting: want a number, a text, true or false", short(text))
	}
	return nil
}

// number is the one writing of a number.
func number(text string) Value {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Value(strconv.FormatInt(i, 10))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value(text) // which its flag will refuse
	}
	if whole := int64(f); float64(whole) == f && whole < 1<<53 && whole > -1<<53 {
		return Value(strconv.FormatInt(whole, 10))
	}
	return Value(strconv.FormatFloat(f, 'g', -1, 64))
}

// Seeds are the seeds of each setting.
type Seeds []int64

// UnmarshalJSON takes a list of seeds, or how many.
func (s *Seeds) UnmarshalJSON(text []byte) error {
	var n int
	if json.Unmarshal(text, &n) == nil {
		if n < 1 || n > mostTrials {
			return fmt.Errorf("%d seeds: want 1 to %d, or a list of seeds", n, mostTrials)
		}
		for seed := range int64(n) {
			*s = append(*s, seed)
		}
		return nil
	}
	if err := json.Unmarshal(text, (*[]int64)(s)); err != nil {
		return fmt.Errorf("%s are no seeds: want a list of whole numbers, or how many", short(text))
	}
	return nil
}

// Train is what a sweep must know of `gantry train`.
type Train struct {
	Command []string                  // what starts it: words in front of its flags
	Root    string                    // the checkout, below whose .venv `make ray` and others install; "": the working directory
	Kinds   map[string]string         // the settings that a trial may have, with the kind of their values as pflag names it
	Metrics []string                  // what it prints of each step
	Check   func(args []string) error // what it would say of these flags before it trains
}

// Wrong is the error of a spec that is wrong, in one line.
type Wrong struct{ error }

// Unwrap is what is wrong.
func (w Wrong) Unwrap() error { return w.error }

func wrongf(format string, values ...any) error { return Wrong{fmt.Errorf(format, values...)} }

// Read reads and checks a spec. The error is a Wrong where the file can be read and what it says cannot be done.
func Read(path string, train Train) (*Spec, error) {
	text, err := spec.Text(path)
	if err != nil {
		return nil, Wrong{err}
	}
	s, err := Parse(text, train)
	if err != nil {
		return nil, wrongf("%s: %w", path, err)
	}
	return s, nil
}

// Parse is Read for a text.
func Parse(text []byte, train Train) (*Spec, error) {
	var s Spec
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&s)
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("there is more behind its last }")
		}
	}
	if err == nil {
		err = s.check(train)
	}
	if err != nil {
		return nil, Wrong{plain(err, text, decoder.InputOffset())}
	}
	return &s, nil
}

// plain says in plain words what the JSON decoder says.
func plain(err error, text []byte, at int64) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d is no JSON: %s", line(text, syntax.Offset), err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("it ends in the middle: line %d is no JSON", line(text, int64(len(text))))
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf(`want { and settings, such as {"steps": 2000, "metric": "critic_loss", "best": "least"}, not a value of kind %s`, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %q cannot be of kind %s", line(text, kind.Offset), kind.Field, kind.Value)
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		name = strings.Trim(name, `"`)
		return fmt.Errorf("line %d: a spec has no %q; %s", line(text, at), name, part.Nearest(name, specWords()))
	}
	return err
}

// specWords are the names that a spec may have.
func specWords() []string {
	return []string{"train", "grid", "random", "seeds", "steps", "metric", "best", "slots", "retries", "halving",
		"first", "factor", "draws", "seed", "from", "low", "high", "log"}
}

func line(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), int64(len(text)))], []byte("\n"))
}

// short is text for an error, not too long.
func short(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "…"
	}
	return string(text)
}

// check reports what is wrong with a spec, but for what only its trials show.
func (s *Spec) check(train Train) error {
	switch {
	case s.Steps < 1:
		return errors.New(`say how far to train: "steps": 2000`)
	case s.Metric == "":
		return fmt.Errorf(`say by what to compare the trials: "metric": "critic_loss"; there are %s`, strings.Join(train.Metrics, ", "))
	case !slices.Contains(train.Metrics, s.Metric):
		return fmt.Errorf("no trial prints a metric %q; %s", s.Metric, part.Nearest(s.Metric, train.Metrics))
	case s.Best != Least && s.Best != Greatest:
		return fmt.Errorf(`say which %s is best: "best": "least" or "greatest"`, s.Metric)
	case s.Slots < 0 || s.Slots > mostSlots:
		return fmt.Errorf("slots %d: want 1 to %d", s.Slots, mostSlots)
	case s.Retries != nil && (*s.Retries < 0 || *s.Retries > mostRetries):
		return fmt.Errorf("retries %d: want 0 to %d", *s.Retries, mostRetries)
	case s.Halving != nil && (s.Halving.First < 1 || s.Halving.First >= s.Steps):
		return fmt.Errorf("halving first %d: want 1 to %d, fewer than steps", s.Halving.First, s.Steps-1)
	case s.Halving != nil && (s.Halving.Factor < 0 || s.Halving.Factor == 1 || s.Halving.Factor > mostTrials):
		return fmt.Errorf("halving factor %d: want 2 to %d", s.Halving.Factor, mostTrials)
	}
	return s.checkSettings(train)
}

// checkSettings reports settings that `gantry train` has not, that stand at two places or have no values.
func (s *Spec) checkSettings(train Train) error {
	seen := map[string]string{}
	known := slices.Sorted(maps.Keys(train.Kinds))
	use := func(name, place string) error {
		if name == "steps" {
			return fmt.Errorf(`%s: "steps" stands beside %q, not in it, and is the same for all trials`, place, place)
		}
		if _, is := train.Kinds[name]; !is {
			return fmt.Errorf("%s: a trial has no setting %q; %s", place, name, part.Nearest(name, known))
		}
		if before, twice := seen[name]; twice {
			return fmt.Errorf("%s: %q has its values in %q already", place, name, before)
		}
		seen[name] = place
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Train)) {
		if err := use(name, "train"); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Grid)) {
		if err := use(name, "grid"); err != nil {
			return err
		}
		if len(s.Grid[name]) == 0 {
			return fmt.Errorf("grid: %q has no values", name)
		}
	}
	if s.Random != nil {
		if err := s.Random.check(); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(s.Random.From)) {
			if err := use(name, "random"); err != nil {
				return err
			}
		}
	}
	if s.Seeds != nil {
		return use("seed", "seeds")
	}
	return nil
}

// slots is how many trials train at once.
func (s *Spec) slots() int { return max(1, s.Slots) }

// retries is how often a trial is begun again whose process died.
func (s *Spec) retries() int {
	if s.Retries == nil {
		return 2
	}
	return *s.Retries
}

// factor is how many trials of a rung there are to one that goes on.
func (h Halving) factor() int {
	if h.Factor == 0 {
		return 3
	}
	return h.Factor
}
