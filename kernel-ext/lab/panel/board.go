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

	play, pause, one, critic, generator *widget.Button
	steps                               *widget.Dropdown // for which play trains

	curves, samples *widget.Image
	dials           map[string]*widget.FloatSlider // by setting
	loss            *widget.Dropdown
}

// stepChoices are what play can train for.
func stepChoices() map[string]int {
	return map[string]int{"100 steps": 100, "1 000 steps": 1000, "10 000 steps": 10_000, "100 000 steps": 100_000}
}

func newBoard(ui *widget.UI, s record.Status) *board {
	b := &board{head: ui.HTML(""), light: ui.HTML(""), line: ui.HTML(""), curves: ui.Image(), samples: ui.Image(),
		dials: map[string]*widget.FloatSlider{}}
	b.line.SetLayout(widget.Layout{MinHeight: "24px"}) // so that a line that comes does not move what is below

	b.play = pressable(ui, "train", "play", "train on to the step that was asked for, or for as many steps as are chosen here")
	b.play.SetStyle("primary")
	b.pause = pressable(ui, "pause", "pause", "pause after the step that is under way")
	b.one = pressable(ui, "one step", "step-forward", "one step of both networks")
	b.critic = pressable(ui, "critic step", "", "one step of the critic alone (step D)")
	b.generator = pressable(ui, "generator step", "", "one step of the generator alone (step G)")
	choices := stepChoices()
	b.steps = ui.Dropdown("for", slices.SortedFunc(maps.Keys(choices), func(x, y string) int { return choices[x] - choices[y] })...)
	b.steps.Set("10 000 steps")
	b.steps.SetLabelWidth("initial")
	b.steps.SetLayout(widget.Layout{Width: "150px"})
	buttons := ui.HBox(b.play, b.steps, b.pause, b.one, b.critic, b.generator)
	buttons.SetLayout(widget.Layout{FlexFlow: "row wrap"})

	pictures := ui.HBox(b.curves, b.samples)
	pictures.SetLayout(widget.Layout{FlexFlow: "row wrap", AlignItems: "flex-start", GridGap: "12px", Margin: "4px 2px"})
	b.curves.SetSize(curvesWidth, pictureSide)
	b.curves.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain"})
	b.samples.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain"})

	var controls []widget.Widget
	for _, name := range slices.Sorted(maps.Keys(s.Settings)) {
		d := dial(ui, name, s.Settings[name])
		d.SetLabelWidth("130px")
		d.SetLayout(widget.Layout{Width: "380px"})
		b.dials[name] = d
		controls = append(controls, d)
	}
	b.loss = ui.Dropdown("loss", lossChoices(s.Loss)...)
	b.loss.SetLabelWidth("130px")
	b.loss.SetLayout(widget.Layout{Width: "380px"})
	controls = append(controls, b.loss)
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

// dial is the slider of a setting. Its range follows from the value that the setting has now.
func dial(ui *widget.UI, name string, value float64) *widget.FloatSlider {
	switch {
	case strings.HasSuffix(name, ".rate"):
		middle := value
		if middle <= 0 {
			middle = 1e-4
		}
		return ui.FloatLogSlider(widget.Range{Label: name, Min: middle / 100, Max: middle * 100, Step: 0.05, Value: value, Format: ".2e"})
	case strings.HasSuffix(name, ".strength"):
		return ui.FloatSlider(widget.Range{Label: name, Max: 1, Step: 0.01, Value: value})
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
	for _, button := range []*widget.Button{b.play, b.one, b.critic, b.generator} {
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
