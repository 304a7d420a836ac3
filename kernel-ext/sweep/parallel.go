package sweep

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Sizes of the pictures in pixels of the screen. Both are drawn in the colour of the text around them, so they read on light and dark pages.
const (
	pictureWidth  = 820
	pictureHeight = 340
	marginLeft    = 60
	marginRight   = 90
	marginTop     = 34
	marginBottom  = 26
)

// parallel draws the trials as lines over an axis for each setting in which they differ, and the metric's at the right. What has no value ends before
// the metric, dashed. The best line is the thickest; colours go from the best, blue, to the worst, orange.
func (s *Sweep) parallel(rows []Row) string {
	var axes []axis
	for _, name := range s.varied() {
		var values []string
		for _, r := range rows {
			values = append(values, string(r.Settings[name]))
		}
		axes = append(axes, newAxis(name, values))
	}
	var values []float64
	for _, r := range rows {
		if r.shown() {
			values = append(values, r.Value)
		}
	}
	metric := axisOfNumbers(s.Spec.Metric, values)
	axes = append(axes, metric)
	x := func(i int) float64 {
		if len(axes) == 1 {
			return pictureWidth / 2
		}
		return marginLeft + float64(i)*(pictureWidth-marginLeft-marginRight)/float64(len(axes)-1)
	}
	svg := newPicture("settings of the trials and their " + s.Spec.Metric)
	var best string
	for _, r := range rows {
		var path strings.Builder
		for i, a := range axes[:len(axes)-1] {
			fmt.Fprintf(&path, "%.1f,%.1f ", x(i), y(a.place(string(r.Settings[a.name]))))
		}
		style := `class="none" stroke="currentColor" stroke-opacity="0.35" stroke-dasharray="4 4"`
		if r.shown() {
			at := metric.of(r.Value)
			fmt.Fprintf(&path, "%.1f,%.1f", x(len(axes)-1), y(at))
			width := 1.5
			if r.Best {
				width = 4
			}
			style = fmt.Sprintf(`stroke="%s" stroke-width="%g" stroke-opacity="0.8"`, s.colour(at), width)
		}
		line := fmt.Sprintf(`<polyline fill="none" %s points="%s"><title>%s</title></polyline>`, style, strings.TrimSpace(path.String()), html.EscapeString(s.words(r)))
		if r.Best {
			best = line
			continue
		}
		svg.WriteString(line)
	}
	svg.WriteString(best) // over the others
	for i, a := range axes {
		fmt.Fprintf(svg, `<line x1="%.1f" x2="%.1f" y1="%g" y2="%g" stroke="currentColor"/>`, x(i), x(i), y(0), y(1))
		fmt.Fprintf(svg, `<text x="%.1f" y="%d" text-anchor="middle" font-weight="bold">%s</text>`, x(i), marginTop-16, html.EscapeString(a.name))
		for _, t := range a.ticks {
			fmt.Fprintf(svg, `<text x="%.1f" y="%.1f">%s</text>`, x(i)+6, y(t.at)+4, html.EscapeString(cut(t.text, 18)))
		}
	}
	return svg.end()
}

// shown tells whether a trial has a place on the metric's axis.
func (r Row) shown() bool {
	return (r.State == Done || r.State == Stopped) && r.HasValue() && !math.IsInf(r.Value, 0)
}

// words are a trial in a line, for who points at it.
func (s *Sweep) words(r Row) string {
	text := fmt.Sprintf("trial %d: %s: %s", r.Index, r.Trial, r.State)
	if r.HasValue() {
		text += fmt.Sprintf(", %s %.5g at step %d", s.Spec.Metric, r.Value, r.Step)
	}
	if r.Problem != "" {
		text += ": " + r.Problem
	}
	return text
}

// colour is that of a value which lies at a place of the metric's axis: from blue for the best to orange, colours that all eyes tell apart.
func (s *Sweep) colour(at float64) string {
	if s.Spec.Best == Greatest {
		at = 1 - at
	}
	best, worst := [3]float64{0x00, 0x72, 0xb2}, [3]float64{0xe6, 0x9f, 0x00}
	mix := func(i int) int { return int(best[i] + at*(worst[i]-best[i]) + 0.5) }
	return fmt.Sprintf("#%02x%02x%02x", mix(0), mix(1), mix(2))
}

// y is the height of a place on an axis.
func y(at float64) float64 {
	return pictureHeight - marginBottom - at*(pictureHeight-marginTop-marginBottom)
}

// cut is a text that is not too long.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// picture is an SVG that is being drawn.
type picture struct{ strings.Builder }

func newPicture(about string) *picture {
	p := &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 %d %d" width="%d" style="max-width:100%%;height:auto" fill="currentColor" font-family="sans-serif" font-size="12"><title>%s</title>`,
		pictureWidth, pictureHeight, pictureWidth, html.EscapeString(about))
	return p
}

func (p *picture) end() string {
	p.WriteString("</svg>")
	return p.String()
}
