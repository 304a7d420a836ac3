package panel

import (
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
)

// plotOf has the curves of numbers; of the losses where none are named.
func plotOf(means *record.Means, names []string) show.Plot {
	plot := show.Plot{XLabel: "step", Width: curvesWidth, Height: pictureSide}
	if len(names) == 0 {
		names = record.Losses(means.Names())
	}
	for _, name := range names {
		steps, values := means.Line(name)
		plot.Series = append(plot.Series, show.Series{Name: name, X: steps, Y: values})
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
