package panel

import (
	"fmt"
	"html"
	"maps"
	"math"
	"slices"
	"strings"

	"gantry.local/gan/loss"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

// board is the widgets of a panel.
type board struct {
	all *widget.Box

	head, light, line *widget.HTML // where the run stands; the light and its reason; what is under way, or failed

	play, pause, one *widget.Button
	alone            map[string]*widget.Button // a step of a network, by its name
	steps            *widget.Dropdown          // for which play trains

	curves, samples *widget.Image
	drawn           *widget.Dropdown               // what the curves are of
	dials           map[string]*widget.FloatSlider // by setting
	loss            *widget.Dropdown               // nil where what is trained has none to change
}

// stepChoices are what play can train for.
func stepChoices() map[string]int {
	return map[string]int{"100 steps": 100, "1 000 steps": 1000, "10 000 steps": 10_000, "100 000 steps": 100_000}
}

func newBoard(ui *widget.UI, s record.Status) *board {
	b := &board{head: ui.HTML(""), light: ui.HTML(""), line: ui.HTML(""), curves: ui.Image(), samples: ui.Image(),
		alone: map[string]*widget.Button{}, dials: map[string]*widget.FloatSlider{}}
	b.line.SetLayout(widget.Layout{MinHeight: "24px"}) // so that a line that comes does not move what is below

	b.play = pressable(ui, "train", "play", "train on to the step that was asked for, or for as many steps as are chosen here")
	b.play.SetStyle("primary")
	b.pause = pressable(ui, "pause", "pause", "pause after the step that is under way")
	b.one = pressable(ui, "one step", "step-forward", "one step of all networks")
	driving := []widget.Widget{b.play, nil, b.pause, b.one}
	for _, name := range s.Networks {
		if len(s.Networks) > 1 { // else it is one step
			b.alone[name] = pressable(ui, name+" step", "", "one step of the "+name+" alone")
			driving = append(driving, b.alone[name])
		}
	}
	choices := stepChoices()
	b.steps = ui.Dropdown("for", slices.SortedFunc(maps.Keys(choices), func(x, y string) int { return choices[x] - choices[y] })...)
	b.steps.Set("10 000 steps")
	b.steps.SetLabelWidth("initial")
	b.steps.SetLayout(widget.Layout{Width: "150px"})
	driving[1] = b.steps
	buttons := ui.HBox(driving...)
	buttons.SetLayout(widget.Layout{FlexFlow: "row wrap"})

	pictures := ui.HBox(b.curves, b.samples)
	pictures.SetLayout(widget.Layout{FlexFlow: "row wrap", AlignItems: "flex-start", GridGap: "12px", Margin: "4px 2px"})
	b.curves.SetSize(curvesWidth, pictureSide)
	b.curves.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain"})
	b.samples.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain"})

	var controls []widget.Widget
	for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
		d := dial(ui, name, s.Settings[name], s.Ranges[name])
		d.SetLabelWidth("130px")
		d.SetLayout(widget.Layout{Width: "380px"})
		b.dials[name] = d
		controls = append(controls, d)
	}
	choose := func(label string, from ...string) *widget.Dropdown {
		d := ui.Dropdown(label, from...)
		d.SetLabelWidth("130px")
		d.SetLayout(widget.Layout{Width: "380px"})
		controls = append(controls, d)
		return d
	}
	if s.Loss != "" {
		b.loss = choose("loss", lossChoices(s.Loss)...)
	}
	b.drawn = choose("curves", append([]string{drawLosses}, s.Numbers...)...)
	settings := ui.HBox(controls...)
	settings.SetLayout(widget.Layout{FlexFlow: "row wrap"})

	b.all = ui.VBox(b.head, b.light, buttons, pictures, settings, b.line)
	b.all.SetLayout(widget.Layout{MaxWidth: "820px"})
	return b
}

func pressable(ui *widget.UI, label, icon, tooltip string) *widget.Button {
	b := ui.Button(label)
	b.SetIcon(icon)
	b.SetTooltip(tooltip)
	b.SetLayout(widget.Layout{Width: "auto"})
	return b
}

// drawLosses is the choice of curves that are not of one number.
const drawLosses = "losses"

// chosen are the numbers that the curves are of; none: the losses.
func (b *board) chosen() []string {
	if name := b.drawn.Value(); name != drawLosses {
		return []string{name}
	}
	return nil
}

// dial is the slider of a setting: over its range, or, where that has no end, over one that follows from the value that it has
// now, in powers where it is small.
func dial(ui *widget.UI, name string, value float64, of record.Range) *widget.FloatSlider {
	const small = 0.1
	switch {
	case of.Max > of.Min && of.Max < math.MaxFloat32:
		return ui.FloatSlider(widget.Range{Label: name, Min: of.Min, Max: of.Max, Step: (of.Max - of.Min) / 100, Value: value})
	case of.Start > 0 && of.Start < small:
		middle := value
		if middle <= 0 {
			middle = of.Start
		}
		return ui.FloatLogSlider(widget.Range{Label: name, Min: middle / 100, Max: middle * 100, Step: 0.05, Value: value, Format: ".2e"})
	}
	most := 10.0
	for most < 2*value {
		most *= 10
	}
	return ui.FloatSlider(widget.Range{Label: name, Max: most, Step: most / 100, Value: value, Format: ".3g"})
}

// lossChoices are the names of all losses, and that of the present one.
func lossChoices(present string) []string {
	var names []string
	for _, l := range loss.All() {
		names = append(names, l.String())
	}
	if !slices.Contains(names, present) {
		names = append([]string{present}, names...)
	}
	return names
}

// show says where the run stands.
func (b *board) show(s record.Status) {
	b.head.Set(headline(s))
	b.light.Set(lightLine(s.Light, s.LightReason))
	training, paused := s.State == record.Training, s.State == record.Paused
	for _, button := range slices.AppendSeq([]*widget.Button{b.play, b.one}, maps.Values(b.alone)) {
		button.SetDisabled(!paused)
	}
	b.pause.SetDisabled(!training)
}

// headline is the run's name, state, step and speed, and what it uses.
func headline(s record.Status) string {
	colour := map[record.State]string{record.Training: "#009e73", record.Failed: "#c81e1e"}[s.State]
	if colour == "" {
		colour = "#808080"
	}
	parts := []string{fmt.Sprintf(`<b>%s</b> &nbsp;<span style="color:%s;font-weight:bold">%s</span>`, html.EscapeString(s.Name), colour, s.State)}
	step := fmt.Sprintf("step %d", s.Step)
	if s.Target > s.Step {
		step += fmt.Sprintf(" of %d", s.Target)
	}
	parts = append(parts, step)
	if s.StepsPerSecond > 0 {
		parts = append(parts, fmt.Sprintf("%.3g steps/s", s.StepsPerSecond))
	}
	if s.Epoch > 0 {
		parts = append(parts, fmt.Sprintf("epoch %d", s.Epoch))
	}
	if s.Privacy != nil {
		parts = append(parts, html.EscapeString(s.Privacy.String()))
	}
	parts = append(parts, fmt.Sprintf("%d MB", s.Memory>>20))
	return strings.Join(parts, " · ")
}

// lightLine is a light with its reason.
func lightLine(l show.Light, reason string) string {
	colour := map[show.Light]string{show.Unlit: "#c8c8c8", show.Green: "#009e73", show.Amber: "#e69f00", show.Red: "#c81e1e"}[l]
	if colour == "" {
		return html.EscapeString(reason)
	}
	return fmt.Sprintf(`<span style="color:%s;font-size:120%%">●</span> %s`, colour, html.EscapeString(reason))
}

// failure is an error in red.
func failure(err error) string {
	return fmt.Sprintf(`<span role="alert" style="color:#c81e1e">%s</span>`, html.EscapeString(record.OneLine(err)))
}

// turn brings the slider of a setting to its value, unless that is where it is as far as a person can tell.
func (b *board) turn(name string, value float64) {
	d := b.dials[name]
	if d != nil && math.Abs(d.Value()-value) > 1e-9*math.Abs(value) {
		d.Set(value)
	}
}
