package compare

import (
	"encoding/json"

	"gantry.local/kernel-ext/lab/record"
)

// jsonSide is a run in the JSON of a comparison.
type jsonSide struct {
	Name     string               `json:"name"`
	Dir      string               `json:"dir"`
	Recipe   string               `json:"recipe"` // "": none makes it
	Data     string               `json:"data"`
	Batch    int                  `json:"batch"`
	Seed     int64                `json:"seed"`
	Step     int                  `json:"step"`
	State    record.State         `json:"state"`
	Curves   map[string]jsonCurve `json:"curves"`   // by number: means of consecutive steps
	Measured *record.Measured     `json:"measured"` // null: it was not
}

// jsonCurve is a number over steps; steps that do not report it are not there.
type jsonCurve struct {
	Steps  []float64 `json:"steps"`
	Values []float64 `json:"values"`
}

// MarshalJSON writes the runs with their curves and what was measured of them, the settings in which they differ, the numbers that at least
// two report, and what cannot be laid side by side.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	runs := []jsonSide{}
	for _, s := range c.Sides {
		one := jsonSide{s.Name, s.Status.Dir, s.Info.Recipe, s.Status.Data.Name, s.Info.Batch, s.Info.Seed, s.Status.Step, s.Status.State,
			map[string]jsonCurve{}, s.Measured}
		for _, name := range s.History.Names() {
			var curve jsonCurve
			line := s.History.Curve(name)
			for i, v := range line.Y {
				if v-v == 0 { // JSON has no others
					curve.Steps, curve.Values = append(curve.Steps, line.X[i]), append(curve.Values, v)
				}
			}
			one.Curves[name] = curve
		}
		runs = append(runs, one)
	}
	return json.Marshal(map[string]any{"runs": runs, "settings": orEmpty(c.Settings), "numbers": orEmpty(c.Numbers), "apart": orEmpty(c.Apart)})
}

// orEmpty is a list that is [] rather than null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
