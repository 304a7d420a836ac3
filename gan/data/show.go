package data

import (
	"fmt"
	"html"
	"image"
	"math"
	"slices"
	"strings"

	"gantry.local/gan/internal/picture"
	tables "gantry.local/gan/internal/table"
)

const (
	mostShown   = 40 // samples of a set without classes that are drawn
	mostClasses = 20 // up to which each class has a row of its own
	mostPoints  = 3000
	perClass    = 10 // samples of a class that are drawn
)

// ShowValue shows the set in a notebook: its size, shape, range and classes, and some samples. The set is loaded for that.
func (s Set) ShowValue() map[string]any {
	if s.Load == nil {
		return lineOf("no data set", "")
	}
	images, err := s.Load()
	if err != nil {
		return lineOf(fmt.Sprintf("data set %s cannot be loaded: %v", s.Name, err), "")
	}
	return images.show("data set " + s.Name)
}

// ShowValue shows the samples in a notebook as those of a Set.
func (im *Images) ShowValue() map[string]any {
	if err := im.Check(); err != nil {
		return lineOf(err.Error(), "")
	}
	return im.show("samples")
}

// lineOf is a line of text, with HTML below it.
func lineOf(text, page string) map[string]any {
	return map[string]any{"text/plain": text, "text/html": "<div>" + html.EscapeString(text) + "</div>" + page}
}

func (im *Images) show(title string) map[string]any {
	facts := tables.Table{Title: title, Heads: []string{"", ""}, Words: 2}
	fact := func(name, value string) { facts.Rows = append(facts.Rows, []string{name, value}) }
	fact("samples", tables.Count(im.N))
	fact("shape", tables.Shape(im.Height, im.Width, im.Depth())+" "+im.axes())
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
func (im *Images) axes() string {
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
func (im *Images) extent() (low, high float64) {
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
func (im *Images) classSizes(classes int) string {
	sizes := make([]int, classes)
	for _, label := range im.Labels {
		sizes[label]++
	}
	if classes > mostClasses {
		return fmt.Sprintf("%s, of %s to %s samples", tables.Count(classes), tables.Count(slices.Min(sizes)), tables.Count(slices.Max(sizes)))
	}
	parts := make([]string, classes)
	for class, size := range sizes {
		parts[class] = fmt.Sprintf("%s: %s", className(im, class), tables.Count(size))
	}
	return fmt.Sprintf("%d (%s)", classes, strings.Join(parts, ", "))
}

// sampleSheet draws some samples, nil where there is no picture of such.
func (im *Images) sampleSheet() (sheet image.Image, alt string) {
	switch {
	case im.Alphabet != nil:
		return nil, ""
	case im.Width > 1 && (im.Channels == 1 || im.Channels == 3):
		rows, columns := im.chosen()
		return picture.Grid(im.of(rows), len(rows), im.Height, im.Width, im.Channels, columns), "samples"
	case im.Height == 1 && im.Width == 1 && im.Channels == 2:
		rows := spread(im.N, mostPoints)
		var labels []int32
		for _, row := range rows {
			if im.Labels != nil {
				labels = append(labels, im.Labels[row])
			}
		}
		return picture.Points(im.of(rows), labels), "samples in the plane"
	case im.Width == 1 && im.Height > 1:
		rows := spread(im.N, 12)
		return picture.Lines(im.of(rows), len(rows), im.Height, im.Channels), "samples as lines"
	}
	return nil, ""
}

// chosen are the samples that stand for a set of pictures: a row for each of a few classes that all have enough, else some
// from all over the set.
func (im *Images) chosen() (rows []int, columns int) {
	classes := im.Classes()
	if classes < 1 || classes > mostClasses {
		return spread(im.N, mostShown), perClass
	}
	members := make([][]int, classes)
	for row, label := range im.Labels {
		if len(members[label]) < perClass {
			members[label] = append(members[label], row)
		}
	}
	for _, of := range members {
		if len(of) < perClass {
			return spread(im.N, mostShown), perClass
		}
		rows = append(rows, of...)
	}
	return rows, perClass
}

// of are samples as the networks see them, behind each other.
func (im *Images) of(rows []int) []float32 {
	var values []float32
	for _, row := range rows {
		values = append(values, im.Floats(row, 1)...)
	}
	return values
}

// spread are at most so many of n places, evenly over all of them.
func spread(n, most int) []int {
	places := make([]int, min(n, most))
	for i := range places {
		places[i] = i * n / len(places)
	}
	return places
}

// lines are the first samples of a text.
func (im *Images) lines(n int) (all []string) {
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
