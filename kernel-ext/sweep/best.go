package sweep

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// bestSoFar draws the metric of each trial that has ended, in the order of their ends, and the best until then as a line.
func (s *Sweep) bestSoFar(rows []Row) string {
	ended := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.State != Done || !r.shown() })
	slices.SortStableFunc(ended, func(a, b Row) int { return a.Ended.Compare(b.Ended) })
	var values []float64
	for _, r := range ended {
		values = append(values, r.Value)
	}
	metric := axisOfNumbers(s.Spec.Metric, values)
	svg := newPicture("best " + s.Spec.Metric + " so far")
	x := func(i int) float64 {
		return marginLeft + (float64(i)+0.5)*(pictureWidth-marginLeft-20)/float64(max(1, len(ended)))
	}
	fmt.Fprintf(svg, `<line x1="%d" x2="%d" y1="%g" y2="%g" stroke="currentColor"/>`, marginLeft, marginLeft, y(0), y(1))
	fmt.Fprintf(svg, `<line x1="%d" x2="%d" y1="%g" y2="%g" stroke="currentColor"/>`, marginLeft, pictureWidth-20, y(0)+6, y(0)+6)
	fmt.Fprintf(svg, `<text x="%d" y="%d" font-weight="bold">%s</text>`, 4, marginTop-16, html.EscapeString(s.Spec.Metric))
	fmt.Fprintf(svg, `<text x="%d" y="%d" text-anchor="end">trials, as they ended</text>`, pictureWidth-20, pictureHeight-4)
	free := pictureHeight * 2.0
	for _, t := range metric.ticks { // those that have room
		if free-y(t.at) < 13 {
			continue
		}
		free = y(t.at)
		fmt.Fprintf(svg, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, marginLeft-5, y(t.at)+4, html.EscapeString(t.text))
	}
	var path strings.Builder
	best := 0
	for i, r := range ended {
		if i > 0 && s.Spec.Best.Better(r.Value, ended[best].Value) {
			fmt.Fprintf(&path, "%.1f,%.1f ", x(i), y(metric.of(ended[best].Value)))
			best = i
		}
		fmt.Fprintf(&path, "%.1f,%.1f ", x(i), y(metric.of(ended[best].Value)))
	}
	fmt.Fprintf(svg, `<polyline fill="none" stroke="#0072b2" stroke-width="2" points="%s"/>`, strings.TrimSpace(path.String()))
	for i, r := range ended {
		fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"><title>%s</title></circle>`, x(i), y(metric.of(r.Value)), s.colour(metric.of(r.Value)),
			html.EscapeString(s.words(r)))
	}
	return svg.end()
}
