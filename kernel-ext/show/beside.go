package show

import (
	"fmt"
	"image"
	"image/draw"
	"math"

	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// Beside puts pictures next to each other, tops level, each under its caption; captions may be nil. It fails without
// images, when a caption is missing, when an image has no pixels, or when the result would have over 64 Mi pixels.
func Beside(captions []string, images ...image.Image) (image.Image, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("show: nothing to put beside anything")
	}
	if captions != nil && len(captions) != len(images) {
		return nil, fmt.Errorf("show: %d captions for %d images", len(captions), len(images))
	}
	tallest := 0
	for i, img := range images {
		if img == nil || img.Bounds().Empty() {
			return nil, fmt.Errorf("show: image %d has no pixels", i)
		}
		tallest = max(tallest, img.Bounds().Dy())
	}
	// Lengths below are in pixels of the picture. Captions grow with it, for it may be shown smaller.
	size := max(16, tallest/32)
	style := textStyle(vg.Length(size)/density, true)
	margin, top := size, size
	if captions != nil {
		top += 2 * size
	}
	left := make([]int, len(images))
	width := margin
	for i, img := range images {
		left[i] = width
		column := img.Bounds().Dx()
		if captions != nil {
			column = max(column, int(math.Ceil(style.Width(captions[i]).Dots(96*density))))
		}
		width += column + margin
	}
	height := top + tallest + margin
	if float64(width)*float64(height) > maxPixels {
		return nil, fmt.Errorf("show: a picture of %d×%d pixels is too large", width, height)
	}
	canvas := newCanvas((width+1)/density, (height+1)/density)
	c := vgdraw.New(canvas)
	for i := range captions {
		at := vg.Point{X: vg.Length(left[i]) * px / density, Y: c.Max.Y - vg.Length(2*size)*px/density}
		c.FillText(style, at, captions[i])
	}
	for i, img := range images {
		at := image.Rectangle{Min: image.Pt(left[i], top), Max: image.Pt(left[i], top).Add(img.Bounds().Size())}
		draw.Draw(canvas.Image(), at, img, img.Bounds().Min, draw.Over)
	}
	return canvas.Image(), nil
}
