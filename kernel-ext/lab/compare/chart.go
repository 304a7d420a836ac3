package compare

import (
	"bytes"
	"image/png"

	"gantry.local/kernel-ext/show"
)

// Sizes of a chart, in pixels of the screen.
const (
	chartWidth  = 410
	chartHeight = 230
)

// chart draws a number of all runs, PNG. A run has the same colour in all charts, also where others lack the number.
func (c *Comparison) chart(number string) ([]byte, error) {
	plot := show.Plot{Title: number, XLabel: "step", Width: chartWidth, Height: chartHeight + 20*((len(c.Sides)-1)/4)}
	for _, s := range c.Sides {
		line := show.Series{}
		if _, reports := s.Last[number]; reports {
			line = s.History.Line(number)
			line.Name = s.Name
		}
		plot.Series = append(plot.Series, line)
	}
	img, err := show.CurvesImage(plot)
	if err != nil {
		return nil, err
	}
	var encoded bytes.Buffer
	err = png.Encode(&encoded, img)
	return encoded.Bytes(), err
}
