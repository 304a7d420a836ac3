package gan

import (
	"fmt"
	"image"

	"gantry.local/gan/internal/picture"
	"gantry.local/gan/internal/table"
)

const mostDrawn = 400 // images that are drawn

// ShowValue shows the images in a notebook: pictures in a grid of ten columns, points in the plane, and series as lines; what
// is none of these by its size and range.
func (im Images) ShowValue() map[string]any {
	text := fmt.Sprintf("%s images of %s", table.Count(im.N), table.Shape(im.H, im.W, im.C))
	size := im.H * im.W * im.C
	if min(im.N, im.H, im.W, im.C) < 1 || len(im.Data) != im.N*size {
		return map[string]any{"text/plain": fmt.Sprintf("%s with %s values, which is another number", text, table.Count(len(im.Data)))}
	}
	low, high, odd := im.Data[0], im.Data[0], 0
	for _, v := range im.Data {
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
	case im.W > 1:
		sheet = picture.Grid(im.Data[:drawn*size], drawn, im.H, im.W, im.C, 10)
	case im.H == 1 && im.C == 2:
		drawn = im.N
		sheet = picture.Points(im.Data, nil)
	case im.H > 1 && im.C <= 8:
		drawn = min(drawn, 24)
		sheet = picture.Lines(im.Data[:drawn*size], drawn, im.H, im.C)
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
