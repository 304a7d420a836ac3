package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Trial is one training of a sweep.
type Trial struct {
	Index    int // 0, 1, … in the spec's order: what an array's task is given
	Name     string
	Settings map[string]Value
}

// Trials are the trials of a spec, in an order that follows from it: the grid's settings by name, the last one fastest, then the draws, then
// the seeds. The error is a Wrong where there are too many, two are the same, or `gantry train` would refuse one.
func (s *Spec) Trials(train Train) ([]Trial, error) {
	draws, err := s.Random.draws(train.Kinds)
	if err != nil {
		return nil, Wrong{err}
	}
	all := []map[string]Value{{}}
	for _, name := range slices.Sorted(maps.Keys(s.Grid)) {
		if all, err = product(all, settingsOf(name, s.Grid[name])); err != nil {
			return nil, err
		}
	}
	if all, err = product(all, draws); err != nil {
		return nil, err
	}
	if s.Seeds != nil {
		var seeds []Value
		for _, seed := range s.Seeds {
			seeds = append(seeds, Value(fmt.Sprint(seed)))
		}
		if all, err = product(all, settingsOf("seed", seeds)); err != nil {
			return nil, err
		}
	}
	trials := make([]Trial, len(all))
	seen := map[string]int{}
	for i, settings := range all {
		maps.Copy(settings, s.Train)
		t := Trial{Index: i, Name: nameOf(settings), Settings: settings}
		if before, twice := seen[t.Name]; twice {
			return nil, wrongf("trials %d and %d are the same: %s; remove one", before, i, t)
		}
		seen[t.Name] = i
		if err := train.Check(t.flags()); err != nil {
			return nil, wrongf("trial %d: %w", i, err)
		}
		trials[i] = t
	}
	return trials, nil
}

// settingsOf is a setting with each of its values.
func settingsOf(name string, values []Value) []map[string]Value {
	all := make([]map[string]Value, len(values))
	for i, v := range values {
		all[i] = map[string]Value{name: v}
	}
	return all
}

// product combines each with each.
func product(a, b []map[string]Value) ([]map[string]Value, error) {
	if len(a)*len(b) > mostTrials {
		return nil, wrongf("there are %d trials or more: want at most %d", len(a)*len(b), mostTrials)
	}
	all := make([]map[string]Value, 0, len(a)*len(b))
	for _, of := range a {
		for _, with := range b {
			both := maps.Clone(of)
			maps.Copy(both, with)
			all = append(all, both)
		}
	}
	return all, nil
}

// order sorts the names of settings: what is trained first, the seed last.
func order(settings map[string]Value) []string {
	rank := map[string]int{"recipe": -2, "data": -1, "seed": 1}
	return slices.SortedFunc(maps.Keys(settings), func(a, b string) int {
		if d := rank[a] - rank[b]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
}

// flags are the settings as flags of `gantry train`.
func (t Trial) flags() []string {
	var flags []string
	for _, name := range order(t.Settings) {
		flags = append(flags, "--"+name+"="+string(t.Settings[name]))
	}
	return flags
}

// String names the settings: "recipe toy, batch 64, seed 1".
func (t Trial) String() string {
	var parts []string
	for _, name := range order(t.Settings) {
		parts = append(parts, name+" "+string(t.Settings[name]))
	}
	if len(parts) == 0 {
		return "all settings as the recipe has them"
	}
	return strings.Join(parts, ", ")
}

const (
	readable = 52 // bytes of a name that say what the settings are
	digits   = 10 // that tell it from all others
)

// identity is one text for settings that are the same.
func identity(settings map[string]Value) string {
	text, _ := json.Marshal(settings) // which sorts the names; a map of strings always has a text
	return string(text)
}

// nameOf is the name of the folder of a trial with these settings, whatever others the sweep has. It is a name for a run: the settings
// in short and digits of their SHA-256.
func nameOf(settings map[string]Value) string {
	var parts []string
	for _, name := range order(settings) {
		part := string(settings[name])
		if name != "recipe" && name != "data" {
			part = name + part
		}
		parts = append(parts, strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == '.' {
				return r
			}
			return '-'
		}, part))
	}
	said := strings.Trim(strings.Join(parts, "_"), ".-_")
	if said == "" {
		said = "trial"
	}
	sum := sha256.Sum256([]byte(identity(settings)))
	return strings.TrimRight(said[:min(readable, len(said))], ".-_") + "-" + hex.EncodeToString(sum[:])[:digits]
}
