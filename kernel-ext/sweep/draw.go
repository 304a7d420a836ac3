package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Random are settings drawn at random. The draws follow from Seed and From alone, and the first n are the same however many
// there are, so a sweep that asks for more keeps what it has.
type Random struct {
	Draws int               `json:"draws"` // 1 or more
	Seed  uint64            `json:"seed,omitempty"`
	From  map[string]Choice `json:"from"` // each setting with what it is drawn from
}

// Choice is a list of values, or a range of numbers: {"low": 0.0001, "high": 0.01, "log": true}. A setting that takes whole numbers
// gets whole numbers, both ends included; others have four digits.
type Choice struct {
	Values    []Value
	Low, High float64 // without Values: Low < High
	Log       bool    // evenly by the logarithm; needs 0 < Low
}

// UnmarshalJSON takes a list or a range.
func (c *Choice) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, &c.Values)
	}
	var r struct {
		Low, High *float64
		Log       bool
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&r)
	if err != nil && strings.HasPrefix(err.Error(), "json: unknown field ") {
		return err
	}
	if err != nil || r.Low == nil || r.High == nil {
		return fmt.Errorf(`%s is nothing to draw from: want a list, or {"low": 1, "high": 10}`, short(text))
	}
	c.Low, c.High, c.Log = *r.Low, *r.High, r.Log
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (c Choice) MarshalJSON() ([]byte, error) {
	if c.Values != nil {
		return json.Marshal(c.Values)
	}
	return json.Marshal(map[string]any{"low": c.Low, "high": c.High, "log": c.Log})
}

func (r *Random) check() error {
	if r.Draws < 1 || r.Draws > mostTrials {
		return fmt.Errorf("random: %d draws: want 1 to %d", r.Draws, mostTrials)
	}
	if len(r.From) == 0 {
		return errors.New(`random: say what to draw: "from": {"batch": {"low": 16, "high": 256, "log": true}}`)
	}
	for _, name := range slices.Sorted(maps.Keys(r.From)) {
		switch c := r.From[name]; {
		case c.Values != nil && len(c.Values) == 0:
			return fmt.Errorf("random: %q has no values", name)
		case c.Values == nil && !(c.Low < c.High):
			return fmt.Errorf("random: %q is drawn from %g to %g: want low < high", name, c.Low, c.High)
		case c.Log && c.Low <= 0:
			return fmt.Errorf("random: %q is drawn by its logarithm from %g: want low > 0", name, c.Low)
		}
	}
	return nil
}

// redraws is how often a draw that there was already is made again.
const redraws = 1000

// draws are the settings that are drawn, no two the same.
func (r *Random) draws(kinds map[string]string) ([]map[string]Value, error) {
	if r == nil {
		return []map[string]Value{{}}, nil
	}
	source := rand.New(rand.NewPCG(r.Seed, 0))
	names := slices.Sorted(maps.Keys(r.From))
	for _, name := range names {
		if c := r.From[name]; c.Values == nil && strings.HasPrefix(kinds[name], "int") && math.Ceil(c.Low) > math.Floor(c.High) {
			return nil, fmt.Errorf("random: %q is drawn from %g to %g, and there is no whole number between", name, c.Low, c.High)
		}
	}
	var all []map[string]Value
	seen := map[string]bool{}
	for range r.Draws {
		var draw map[string]Value
		for again := 0; draw == nil || seen[identity(draw)]; again++ {
			if again == redraws {
				return nil, fmt.Errorf("random: there are no %d different draws, but about %d: ask for fewer", r.Draws, len(all))
			}
			draw = map[string]Value{}
			for _, name := range names {
				draw[name] = r.From[name].draw(source, strings.HasPrefix(kinds[name], "int"))
			}
		}
		seen[identity(draw)] = true
		all = append(all, draw)
	}
	return all, nil
}

// draw draws a value.
func (c Choice) draw(source *rand.Rand, whole bool) Value {
	if c.Values != nil {
		return c.Values[source.IntN(len(c.Values))]
	}
	low, high := c.Low, c.High
	if whole { // each whole number has an interval of its own
		low, high = math.Ceil(low)-0.5, math.Floor(high)+0.5
	}
	v := low + source.Float64()*(high-low)
	if c.Log {
		v = math.Exp(math.Log(low) + source.Float64()*(math.Log(high)-math.Log(low)))
	}
	if whole {
		return number(strconv.FormatFloat(min(max(math.Round(v), math.Ceil(c.Low)), math.Floor(c.High)), 'f', 0, 64))
	}
	return number(strconv.FormatFloat(v, 'g', 4, 64))
}
