package compare

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gantry.local/gan/lint"
	"gantry.local/gan/measure"
	"gantry.local/gan/metric"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

// side is a run that reports one number at so many steps.
func side(name, number string, steps int, parts ...lint.Part) Side {
	s := Side{Name: name, History: &show.History{}, Last: map[string]float64{}}
	s.Info.Definition.Parts = parts
	s.Status = record.Status{Name: name, Dir: filepath.Join("/runs", name), Step: steps, State: record.Ended, Latent: 2,
		Data: lint.DataShape{Name: "ring", N: 100, Height: 1, Width: 1, Depth: 2}}
	for step := 1; step <= steps; step++ {
		value := float64(step) / float64(steps)
		s.History.Add(step, show.Number{Name: number, Value: value})
		s.Last[number] = value
	}
	return s
}

func must(t *testing.T, sides ...Side) *Comparison {
	t.Helper()
	c, err := Of(sides)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// measured is what was measured on some features.
func measured(features string, value float64) *record.Measured {
	real := 0.01
	return &record.Measured{Step: 100, Result: measure.Result{Data: "ring", Features: features, Samples: 500,
		Numbers: []measure.Number{{Name: metric.FrechetName, Value: value, Low: value - 1, High: value + 1, Real: &real, Better: metric.Lower}}}}
}

// TestSettings wants only what differs, each cut to where it does.
func TestSettings(t *testing.T) {
	parts := func(batch, optimizer string, steps ...string) []lint.Part {
		return []lint.Part{{Name: "latent", Summary: "2", Hash: "1"}, {Name: "batch size", Summary: batch, Hash: batch},
			{Name: "optimizer", Summary: optimizer, Hash: optimizer}, {Name: "critic", Summary: strings.Join(steps, ", "), Steps: steps, Hash: strings.Join(steps, "")}}
	}
	a := side("a", "critic loss", 10, parts("8", "adam rate 0.1 beta1 0.5", "dense 2→8", "relu", "dense 8→1")...)
	b := side("b", "critic loss", 10, parts("8", "adam rate 0.2 beta1 0.5", "dense 2→8", "tanh", "relu", "dense 8→1")...)
	c := side("c", "critic loss", 10, parts("16", "adam rate 0.1 beta1 0.5", "dense 2→8", "relu", "dense 8→1")...)
	c.Info.Initial, c.Status.Settings = map[string]float64{"critic.rate": 0.1}, record.Settings{"critic.rate": 0.05}
	want := []Setting{
		{"batch size", []string{"8", "8", "16"}},
		{"optimizer", []string{"… rate 0.1 …", "… rate 0.2 …", "… rate 0.1 …"}},
		{"critic", []string{"dense 2→8, …", "dense 2→8, tanh, …", "dense 2→8, …"}},
		{"critic.rate, now", []string{"none", "none", "0.05"}},
	}
	got := must(t, a, b, c).Settings
	if !slices.EqualFunc(got, want, func(x, y Setting) bool { return x.Name == y.Name && slices.Equal(x.Values, y.Values) }) {
		t.Errorf("the settings differ in\n%q, want\n%q", got, want)
	}
	b = side("b", "critic loss", 10, parts("8", "adam rate 0.1 beta1 0.5", "dense 2→8", "relu", "dense 8→1")...)
	b.Info.Definition.Parts[3].Hash = "another"
	if got := must(t, a, b).Settings; len(got) != 1 || !strings.HasSuffix(got[0].Values[1], "as in b") {
		t.Errorf("networks that look the same and are not differ in %q", got)
	}
}

// TestApart wants a line for each thing that cannot be laid side by side, and what can be shown.
func TestApart(t *testing.T) {
	a, b := side("a", "critic loss", 10), side("b", "energy", 10)
	b.Status.Data, b.Status.Latent = lint.DataShape{Name: "waves", Height: 24, Width: 1, Depth: 1}, 5
	a.Measured, b.Measured = measured("values", 3), measured("others", 4)
	c := must(t, a, b)
	for _, want := range []string{"no two of the runs report a number of one name", "samples of different shapes do not compare: a 1×1×2, b 24×1×1",
		"latents of different sizes are not the same ones: a 2, b 5 components", "does not compare: a on ring, features values"} {
		if !slices.ContainsFunc(c.Apart, func(line string) bool { return strings.Contains(line, want) && !strings.Contains(line, "\n") }) {
			t.Errorf("no line says %q: %q", want, c.Apart)
		}
	}
	if len(c.Tables) != 2 || len(c.Numbers) != 0 {
		t.Errorf("tables %v, numbers %q: want each measurement in a table of its own, and no curve", c.Tables, c.Numbers)
	}
	b = side("b", "critic loss", 10)
	b.Measured = nil
	if c := must(t, a, b); len(c.Apart) != 1 || !strings.HasPrefix(c.Apart[0], "b is not measured yet") {
		t.Errorf("of runs that share all it says %q", c.Apart)
	}
	for what, sides := range map[string][]Side{"at least two": {a}, "named twice": {a, b, a}, "too many": slices.Repeat([]Side{a}, Most+1)} {
		if _, err := Of(sides); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%d sides: %v, want %q", len(sides), err, what)
		}
	}
	b.Name, b.Status.Dir = "a", "/other/a"
	if names := must(t, a, b).names(); !slices.Equal(names, []string{"runs/a", "other/a"}) {
		t.Errorf("two runs of one name are called %q", names)
	}
}

// TestShown shows many runs, one with a name that is no HTML and one that was never finite, in each of the ways.
func TestShown(t *testing.T) {
	var sides []Side
	for _, name := range strings.Fields("one two three four five six seven eight") {
		s := side(name, "critic loss", 300)
		s.Measured = measured("values", 3)
		sides = append(sides, s)
	}
	sides[0].Name = "<script>&"
	sides[1].History = &show.History{}
	sides[1].History.Add(1, show.Number{Name: "critic loss", Value: math.NaN()})
	c := must(t, sides...)
	c.NoPicture(2, errors.New("its weights are gone\nand more"))
	text := c.String()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(line); n > 140 {
			t.Errorf("a line of %d characters: %q", n, line)
		}
	}
	if !strings.Contains(text, "▁▁▂") || !strings.Contains(text, "3 [2, 4]") || !strings.Contains(text, "the samples of three are not shown: its weights are gone") {
		t.Errorf("the text lacks a curve, a figure or a line:\n%s", text)
	}
	page := c.HTML()
	if strings.Contains(page, "<script>") || strings.Count(page, "data:image/png;base64,") != 1 {
		t.Error("the page has a name as HTML, or not one chart")
	}
	for d := xml.NewDecoder(strings.NewReader("<div>" + page + "</div>")); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("HTML is not well-formed: %v", err)
		}
	}
	var read struct {
		Runs []struct {
			Name   string
			Curves map[string]struct{ Steps, Values []float64 }
		}
		Settings []Setting
		Numbers  []string
	}
	content, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(content, &read)
	}
	if err != nil || len(read.Runs) != 8 || len(read.Runs[2].Curves["critic loss"].Values) != 300 || len(read.Runs[1].Curves["critic loss"].Values) != 0 {
		t.Errorf("as JSON it is %.300s (%v)", content, err)
	}
}

// TestSpark wants a curve to go over its whole height and the part of the width that its steps have.
func TestSpark(t *testing.T) {
	for _, c := range []struct {
		steps, values []float64
		want          string
	}{
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{0, 1, 2, 3, 4, 5, 6, 7}, "▁▂▃▄▅▆▇█"},
		{[]float64{1, 2, 3, 4}, []float64{7, 7, math.NaN(), 0}, " ██ ▁   "},
		{[]float64{0, 4}, []float64{0, 7}, "▁▁▁▁█   "},
		{nil, nil, "        "},
	} {
		steps := slices.Clone(c.steps)
		if c.want == "▁▂▃▄▅▆▇█" {
			for i := range steps {
				steps[i]--
			}
		}
		if got := spark(columns(steps, c.values, 8, 8), 0, 7); got != c.want && !(c.want[0] == ' ' && strings.Count(got, "█") >= 2) {
			t.Errorf("of %v it is %q, want %q", c.values, got, c.want)
		}
	}
}
