package sample

import (
	"fmt"
	"html"
	"image"
	"math"
	"slices"
	"strings"

	"gantry.local/gan/internal/picture"
	"gantry.local/gan/internal/table"
)

const (
	mostDrawn   = 400 // samples of which nothing but their values is known that are drawn
	mostShown   = 40  // samples of a set without classes that are drawn
	mostClasses = 20  // up to which each class has a row of its own
	mostPoints  = 3000
	perClass    = 10 // samples of a class that are drawn
)

// ShowValue shows the samples in a notebook. Samples of which nothing is known but their values, as a generator draws them, are a
// picture of them in their order, those of a set a table with some of them.
func (im Images) ShowValue() map[string]any {
	if im.Pixels == nil && im.Labels == nil && im.Alphabet == nil && im.Names == nil && im.Scales == nil {
		return im.showValues()
	}
	if err := im.Check(); err != nil {
		return map[string]any{"text/plain": err.Error(), "text/html": "<div>" + html.EscapeString(err.Error()) + "</div>"}
	}
	return im.ShowAs("samples")
}

// showValues shows pictures in a grid of ten columns, points in the plane, and series as lines; what is none of these by its size
// and range.
func (im Images) showValues() map[string]any {
	text := fmt.Sprintf("%s images of %s", table.Count(im.N), table.Shape(im.Height, im.Width, im.Channels))
	size := im.Height * im.Width * im.Channels
	if min(im.N, im.Height, im.Width, im.Channels) < 1 || len(im.Values) != im.N*size {
		return map[string]any{"text/plain": fmt.Sprintf("%s with %s values, which is another number", text, table.Count(len(im.Values)))}
	}
	low, high, odd := im.Values[0], im.Values[0], 0
	for _, v := range im.Values {
		if v-v != 0 {
			odd++
			continue
		}
		low, high = min(low, v), max(high, v)
	}
	text += fmt.Sprintf(", %.4g … %.4g", low, high)
	if odd > 0 {
		text += fmt.Sprintf(", %s values that are no finite numbers", table.Count(odd))
	}
	drawn := min(im.N, mostDrawn)
	var sheet image.Image
	switch {
	case im.Width > 1:
		sheet = picture.Grid(im.Values[:drawn*size], drawn, im.Height, im.Width, im.Channels, 10)
	case im.Height == 1 && im.Channels == 2:
		drawn = im.N
		sheet = picture.Points(im.Values, nil)
	case im.Height > 1 && im.Channels <= 8:
		drawn = min(drawn, 24)
		sheet = picture.Lines(im.Values[:drawn*size], drawn, im.Height, im.Channels)
	}
	content := map[string]any{}
	if encoded := picture.PNG(sheet); encoded != nil {
		content["image/png"] = encoded
		if drawn < im.N {
			text += fmt.Sprintf(" (the first %d are drawn)", drawn)
		}
	}
	content["text/plain"] = text
	return content
}

// ShowAs shows the samples in a notebook as a set that has a title: a table of its size, shape, range and classes, and some of the
// samples. They must pass Check.
func (im Images) ShowAs(title string) map[string]any {
	facts := table.Table{Title: title, Heads: []string{"", ""}, Words: 2}
	fact := func(name, value string) { facts.Rows = append(facts.Rows, []string{name, value}) }
	fact("samples", table.Count(im.N))
	fact("shape", table.Shape(im.Height, im.Width, im.Depth())+" "+im.axes())
	low, high := im.extent()
	fact("range", fmt.Sprintf("%.4g … %.4g", low, high))
	if classes := im.Classes(); classes > 0 {
		fact("classes", im.classSizes(classes))
	}
	for _, scale := range im.Scales {
		fact("channel "+scale.Name, "was scaled, see Unscale")
	}
	drawn, alt := im.sampleSheet()
	samples := picture.HTML(drawn, alt)
	if im.Alphabet != nil {
		fact("alphabet", fmt.Sprintf("%d characters %q", len(im.Alphabet), string(im.Alphabet)))
		for i, line := range im.lines(8) {
			fact(fmt.Sprintf("sample %d", i), fmt.Sprintf("%q", line))
		}
	}
	return map[string]any{"text/plain": strings.TrimRight(facts.String(), "\n"), "text/html": facts.HTML() + samples}
}

// axes says what the three lengths of a sample are.
func (im Images) axes() string {
	switch {
	case im.Alphabet != nil:
		return "(characters, one, alphabet)"
	case im.Height == 1 && im.Width == 1:
		return "(points)"
	case im.Width == 1:
		return "(steps, one, channels)"
	}
	return "(height, width, channels)"
}

// extent is the smallest and the largest value as the networks see them, see Floats.
func (im Images) extent() (low, high float64) {
	if im.Alphabet != nil {
		return 0, 1
	}
	if im.Values != nil {
		return float64(slices.Min(im.Values)), float64(slices.Max(im.Values))
	}
	least, most := byte(math.MaxUint8), byte(0)
	for _, pixel := range im.Pixels {
		least, most = min(least, pixel), max(most, pixel)
		if least == 0 && most == math.MaxUint8 {
			break
		}
	}
	return float64(least)/127.5 - 1, float64(most)/127.5 - 1
}

// classSizes names the classes with how many samples each has, or the smallest and largest of many.
func (im Images) classSizes(classes int) string {
	sizes := make([]int, classes)
	for _, label := range im.Labels {
		sizes[label]++
	}
	if classes > mostClasses {
		return fmt.Sprintf("%s, of %s to %s samples", table.Count(classes), table.Count(slices.Min(sizes)), table.Count(slices.Max(sizes)))
	}
	parts := make([]string, classes)
	for class, size := range sizes {
		parts[class] = fmt.Sprintf("%s: %s", im.ClassName(class), table.Count(size))
	}
	return fmt.Sprintf("%d (%s)", classes, strings.Join(parts, ", "))
}

// sampleSheet draws some samples, nil where there is no picture of such.
func (im Images) sampleSheet() (sheet image.Image, alt string) {
	switch {
	case im.Alphabet != nil:
		return nil, ""
	case im.Width > 1 && (im.Channels == 1 || im.Channels == 3):
		rows, columns := im.chosen()
		return picture.Grid(im.of(rows), len(rows), im.Height, im.Width, im.Channels, columns), "samples"
	case im.Height == 1 && im.Width == 1 && im.Channels == 2:
		rows := Spread(im.N, mostPoints)
		var labels []int32
		for _, row := range rows {
			if im.Labels != nil {
				labels = append(labels, im.Labels[row])
			}
		}
		return picture.Points(im.of(rows), labels), "samples in the plane"
	case im.Width == 1 && im.Height > 1:
		rows := Spread(im.N, 12)
		return picture.Lines(im.of(rows), len(rows), im.Height, im.Channels), "samples as lines"
	}
	return nil, ""
}

// chosen are the samples that stand for a set of pictures: a row for each of a few classes that all have enough, else some
// from all over the set.
func (im Images) chosen() (rows []int, columns int) {
	classes := im.Classes()
	if classes < 1 || classes > mostClasses {
		return Spread(im.N, mostShown), perClass
	}
	members := make([][]int, classes)
	for row, label := range im.Labels {
		if len(members[label]) < perClass {
			members[label] = append(members[label], row)
		}
	}
	for _, of := range members {
		if len(of) < perClass {
			return Spread(im.N, mostShown), perClass
		}
		rows = append(rows, of...)
	}
	return rows, perClass
}

// of are samples as the networks see them, behind each other.
func (im Images) of(rows []int) []float32 {
	var values []float32
	for _, row := range rows {
		values = append(values, im.Floats(row, 1)...)
	}
	return values
}

// lines are the first samples of a text.
func (im Images) lines(n int) (all []string) {
	size := im.Height * im.Width
	for i := range min(n, im.N) {
		var line []rune
		for _, at := range im.Pixels[i*size : (i+1)*size] {
			line = append(line, im.Alphabet[at])
		}
		all = append(all, string(line))
	}
	return all
}
