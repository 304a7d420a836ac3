package panel

import (
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

// curves are the numbers of a run's steps in at most curvePoints points.
type curves struct{ show.History }

const curvePoints = 1000

func (c *curves) add(e record.Event) {
	if e.Rewound {
		c.History = show.History{}
	}
	c.Limit = curvePoints
	for _, s := range e.Earlier {
		c.AddStretch(s)
	}
	for _, m := range e.Metrics {
		if !m.Ordinary() {
			continue // the curves are over steps
		}
		numbers := make([]show.Number, len(m.Numbers))
		for i, n := range m.Numbers {
			numbers[i] = show.Number(n)
		}
		c.Add(m.Step, numbers...)
	}
}

// plot has the curves of numbers; of the losses where none are named.
func (c *curves) plot(names []string) show.Plot {
	plot := show.Plot{XLabel: "step", Width: curvesWidth, Height: pictureSide}
	if len(names) == 0 {
		names = record.Losses(c.Names())
	}
	for _, name := range names {
		plot.Series = append(plot.Series, c.Line(name))
	}
	return plot
}

// drawCurves is a plot as PNG.
func drawCurves(plot show.Plot) ([]byte, error) {
	img, err := show.CurvesImage(plot)
	if err != nil {
		return nil, err
	}
	return encodePicture(img)
}
