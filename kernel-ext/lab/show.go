package lab

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"image/png"
	"strings"
	"time"

	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

const picturePatience = 2 * time.Second // a run that is busy for longer is shown without its samples

// ShowValue shows the run in a notebook: where it stands, where its folder is, its losses so far and, while it has a
// process that is not too busy, its samples.
func (r *Run) ShowValue() map[string]any {
	s, err := r.Status()
	if err != nil {
		text := record.OneLine(err)
		return map[string]any{"text/plain": text, "text/html": "<div>" + html.EscapeString(text) + "</div>"}
	}
	facts := factsOf(s)
	widest := 0
	for _, f := range facts {
		widest = max(widest, len(f.name))
	}
	var text, page strings.Builder
	text.WriteString("run " + s.String())
	page.WriteString("<div><strong>" + html.EscapeString("run "+s.String()) + "</strong></div><table>")
	for _, f := range facts {
		fmt.Fprintf(&text, "\n%-*s  %s", widest, f.name, f.value)
		page.WriteString(`<tr><th style="text-align:left">` + html.EscapeString(f.name) + `</th><td style="text-align:left">` +
			html.EscapeString(f.value) + "</td></tr>")
	}
	page.WriteString("</table>")
	if losses := lossesIn(r.dir); losses != nil {
		page.WriteString(embedded(losses, "the losses", 640))
	}
	if s.Pid != 0 && !r.observer {
		ctx, cancel := context.WithTimeout(context.Background(), picturePatience)
		defer cancel()
		if samples, err := r.Picture(ctx); err == nil {
			page.WriteString(embedded(samples, "samples", 0))
		}
	}
	return map[string]any{"text/plain": text.String(), "text/html": page.String()}
}

// fact is a line about a run.
type fact struct{ name, value string }

func factsOf(s Status) []fact {
	facts := []fact{{"folder", s.Dir}, {"data", s.Data.String()}, {"batch size", fmt.Sprint(s.BatchSize)}}
	if made, _, err := record.RecipeIn(s.Dir); err == nil && made.Known() {
		facts = append(facts, fact{"trains", made.String()})
	}
	if s.Loss != "" {
		facts = append(facts, fact{"loss", s.Loss})
	}
	if s.Seconds > 0 {
		facts = append(facts, fact{"trained for", (time.Duration(s.Seconds*10) * time.Second / 10).String()})
	}
	if s.Light != show.NoLight && s.LightReason != "" {
		facts = append(facts, fact{"samples", s.LightReason})
	}
	if s.Device != "" {
		facts = append(facts, fact{"device", s.Device})
	}
	if len(s.Checkpoints) > 0 {
		facts = append(facts, fact{"checkpoint", fmt.Sprintf("step %d; Rewind reaches %d steps at once", s.Checkpointed, len(s.Checkpoints))})
	}
	for _, f := range []fact{{"problem", s.Problem}, {"unsaved", s.Unsaved}, {"notice", s.Notice}} {
		if f.value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// lossesIn draws the losses of a run's history as a PNG, nil where there are none.
func lossesIn(dir string) []byte {
	stretches, err := record.Stretches(dir, record.MostStretches)
	if err != nil || len(stretches) < 2 {
		return nil
	}
	var history show.History
	for _, s := range stretches {
		history.AddStretch(s)
	}
	plot := show.Plot{Title: "losses", XLabel: "step", Width: 640, Height: 240}
	for _, name := range record.Losses(history.Names()) {
		line := history.Curve(name)
		line.Name = strings.TrimSuffix(name, " loss")
		plot.Series = append(plot.Series, line)
	}
	img, err := show.CurvesImage(plot)
	if err != nil {
		return nil
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		return nil
	}
	return encoded.Bytes()
}

// embedded is a PNG within HTML, so many pixels of the screen wide; 0: as many as it has.
func embedded(png []byte, alt string, width int) string {
	size := ""
	if width > 0 {
		size = fmt.Sprintf(` width="%d"`, width)
	}
	return fmt.Sprintf(`<div><img alt="%s"%s src="data:image/png;base64,%s"/></div>`, alt, size, base64.StdEncoding.EncodeToString(png))
}
