package show

import (
	"image/color"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

const (
	density = 2               // pixels of a plot or a card to one of the screen
	px      = vg.Length(0.75) // a pixel of the screen in points
	limit   = 1e300           // larger values would overflow the arithmetic of an axis
)

// newCanvas is a white picture of width×height pixels of the screen.
func newCanvas(width, height int) *vgimg.Canvas {
	return vgimg.NewWith(vgimg.UseWH(vg.Length(width)*px, vg.Length(height)*px), vgimg.UseDPI(96*density))
}

// inset is c without a margin, given in pixels of the screen.
func inset(c draw.Canvas, margin vg.Length) draw.Canvas {
	return draw.Crop(c, margin*px, -margin*px, margin*px, -margin*px)
}

// textStyle is a sans serif text of size pixels of the screen.
func textStyle(size vg.Length, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size * px}
	if bold {
		f.Weight = 3 // of golang.org/x/image/font
	}
	return text.Style{Color: grey(0x22), Font: f, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// fit is s on one line, cut so that it is no wider than width.
func fit(style text.Style, s string, width vg.Length) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" || style.Width(s) <= width {
		return s
	}
	letters := []rune(s)
	n := min(len(letters), 1000) // no title needs more, and measuring each cut takes time
	for ; n > 0 && style.Width(string(letters[:n])+"…") > width; n-- {
	}
	return string(letters[:n]) + "…"
}

// palette is Okabe and Ito's, without the yellow that vanishes on white.
func palette() []color.RGBA {
	return []color.RGBA{
		{0x00, 0x72, 0xb2, 0xff}, // blue
		{0xd5, 0x5e, 0x00, 0xff}, // vermilion
		{0x00, 0x9e, 0x73, 0xff}, // bluish green
		{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
		{0x56, 0xb4, 0xe9, 0xff}, // sky blue
		{0xe6, 0x9f, 0x00, 0xff}, // orange
		{0x00, 0x00, 0x00, 0xff}, // black
	}
}

func grey(level uint8) color.RGBA { return color.RGBA{level, level, level, 0xff} }
