package compare

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image/png"
	"strings"

	"gantry.local/gan/metric"
	"gantry.local/kernel-ext/internal/page"
)

// Page is the comparison as one HTML page that needs no other file.
func (c *Comparison) Page() string {
	return page.Whole(list(c.names()), "76em", c.HTML())
}

// HTML is what Page shows, for a page that is there. Its pictures are light, whatever the page.
func (c *Comparison) HTML() string {
	var text strings.Builder
	page.WriteTable(&text, page.LeftTop, c.runs())
	text.WriteString("<p><strong>Settings that differ</strong></p>")
	if len(c.Settings) == 0 {
		text.WriteString("<p>none</p>")
	} else {
		page.WriteTable(&text, page.LeftTop, c.settings())
	}
	c.writeCurves(&text)
	c.writePictures(&text)
	for _, t := range c.Tables {
		fmt.Fprintf(&text, "<p><strong>Measured</strong> %s: value [95 %% interval]</p>", html.EscapeString(t.Of))
		page.WriteTable(&text, page.LeftTop, t.cells())
	}
	for _, line := range c.Apart {
		fmt.Fprintf(&text, `<p style="opacity:0.8">%s</p>`, html.EscapeString(line))
	}
	return text.String()
}

// shownCurves is the most charts that are open.
const shownCurves = 4

// writeCurves writes the charts: those of the losses and of the distance are open, the others lie below a line that opens them.
func (c *Comparison) writeCurves(text *strings.Builder) {
	if len(c.Numbers) == 0 {
		return
	}
	text.WriteString("<p><strong>Curves</strong></p>")
	row := func(numbers []string) {
		text.WriteString(`<div style="display:flex;flex-wrap:wrap;gap:8px">`)
		for _, number := range numbers {
			picture, err := c.chart(number)
			if err != nil {
				fmt.Fprintf(text, "<p>%s</p>", html.EscapeString(number+": "+err.Error()))
				continue
			}
			writePicture(text, picture, number+" of all runs", chartWidth)
		}
		text.WriteString("</div>")
	}
	first := 1
	for first < min(shownCurves, len(c.Numbers)) && (strings.HasSuffix(c.Numbers[first], " loss") || c.Numbers[first] == metric.KernelName) {
		first++
	}
	row(c.Numbers[:first])
	if rest := c.Numbers[first:]; len(rest) > 0 {
		fmt.Fprintf(text, "<details><summary>%d more: %s</summary>", len(rest), html.EscapeString(strings.Join(rest, ", ")))
		row(rest)
		text.WriteString("</details>")
	}
}

// writePictures writes the samples, each below its run's name.
func (c *Comparison) writePictures(text *strings.Builder) {
	any := false
	for _, s := range c.Sides {
		any = any || s.Picture != nil
	}
	if !any {
		return
	}
	text.WriteString(`<p><strong>Samples</strong> of the same latents</p><div style="display:flex;flex-wrap:wrap;gap:12px">`)
	for _, s := range c.Sides {
		if s.Picture == nil {
			continue
		}
		fmt.Fprintf(text, `<figure style="margin:0"><figcaption>%s, step %d</figcaption>`, html.EscapeString(s.Name), s.Status.Step)
		width := 0
		if config, err := png.DecodeConfig(bytes.NewReader(s.Picture)); err == nil {
			width = min(config.Width, widestPicture)
		}
		writePicture(text, s.Picture, "samples of "+s.Name, width)
		text.WriteString("</figure>")
	}
	text.WriteString("</div>")
}

// widestPicture is the width of samples, in pixels of the screen: three beside each other in a notebook.
const widestPicture = 380

// writePicture writes a PNG, so many pixels of the screen wide.
func writePicture(text *strings.Builder, picture []byte, about string, width int) {
	fmt.Fprintf(text, `<img alt="%s" width="%d" style="max-width:100%%;height:auto" src="data:image/png;base64,%s"/>`, html.EscapeString(about), width,
		base64.StdEncoding.EncodeToString(picture))
}
