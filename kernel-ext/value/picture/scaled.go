package picture

import (
	"image"
	"image/color"
)

// scaled is an image with its corner at the origin, each pixel a square of n×n.
type scaled struct {
	of image.Image
	n  int
}

// ColorModel is that of the image.
func (s scaled) ColorModel() color.Model { return s.of.ColorModel() }

// Bounds begin at the origin.
func (s scaled) Bounds() image.Rectangle { return image.Rectangle{Max: s.of.Bounds().Size().Mul(s.n)} }

// At is the pixel of the image that lies there.
func (s scaled) At(x, y int) color.Color {
	corner := s.of.Bounds().Min
	return s.of.At(corner.X+x/s.n, corner.Y+y/s.n)
}
