package part_test

import (
	"math"
	"strings"
	"testing"

	"gantry.local/gan/part"
)

type shape interface{ Area() float64 }

type box struct {
	Width, Height float64
	Count         int
	Round         bool
}

func (b box) Area() float64 { return b.Width * b.Height * float64(b.Count) }

type dot struct{}

func (dot) Area() float64 { return 0 }

func shapes() part.Kinds[shape] {
	return part.Kinds[shape]{Sort: "shape", All: []part.Kind[shape]{
		part.Value[shape]("box", "has sides", box{Width: 1, Height: 2, Count: 1}, func(b *box) []part.Parameter {
			return []part.Parameter{part.Number("width", "", &b.Width, 0, math.Nextafter(5, 0)), part.Number("height", "", &b.Height, 0, math.MaxFloat32),
				part.Whole("count", "", &b.Count, 1, 9), part.Truth("round", "", &b.Round)}
		}),
		part.Single[shape]("has none", dot{}, "big dot"),
	}}
}

// TestText wants each part again by its text, and what was not said as it usually is.
func TestText(t *testing.T) {
	for text, want := range map[string]shape{
		"box":                                 box{1, 2, 1, false},
		"box width 3 count 2 round":           box{3, 2, 2, true},
		"box 3":                               box{3, 2, 1, false},
		"  box   3 round false height 0.5":    box{3, 0.5, 1, false},
		"box round count 4":                   box{1, 2, 4, true},
		"big dot":                             dot{},
		"box width 4.9999999 height 1e+30":    box{4.9999999, 1e30, 1, false},
		"box height 0.30000000000000004":      box{1, 0.30000000000000004, 1, false},
		"box width 3 height 2 count 1 round ": box{3, 2, 1, true},
	} {
		got, err := shapes().Parse(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
			continue
		}
		said, is := shapes().Text(got)
		again, err := shapes().Parse(said)
		if !is || err != nil || again != want {
			t.Errorf("%+v is said as %q, which is %+v (%v)", got, said, again, err)
		}
	}
	wider, err := shapes().With(box{1, 2, 1, true}, "width", "4")
	if err != nil || wider != shape(box{4, 2, 1, true}) {
		t.Errorf("a wider box is %+v, %v", wider, err)
	}
}

// TestRefused wants one line that says what to do.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                  `unknown shape "": use one of box, big dot`,
		"bix":               `unknown shape "bix": did you mean box? use one of box, big dot`,
		"bix width 3":       `unknown shape "bix": did you mean box?`,
		"box widht 3":       `shape box: it has no parameter "widht"; did you mean width?`,
		"box width":         "width has no value: want a number from 0, below 5",
		"box width 5":       "width 5: want a number from 0, below 5",
		"box width NaN":     "width NaN: want a number from 0, below 5",
		"box height Inf":    "height Inf: want a number from 0 on",
		"box count 1.5":     "count 1.5: want a whole number from 1 to 9",
		"box count 10":      "count 10: want a whole number from 1 to 9",
		"box 3 width 4":     "width is given twice",
		"box 3 4":           `it has no parameter "4"`,
		"box round maybe 1": `it has no parameter "maybe"`,
		"big dot 1":         `it has no parameters, and "1" is given`,
	} {
		if got, err := shapes().Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %+v, error %v, want %q", text, got, err, want)
		}
	}
	if _, err := shapes().With(dot{}, "width", "1"); err == nil {
		t.Error("a dot has a width")
	}
}
