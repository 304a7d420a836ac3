// Package picture shows images as pictures: an image.Image by itself, a slice or an array of them as a grid. It is apart
// from package value because image/png is more than a cell without pictures should have to link.
package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"reflect"
)

const (
	mostPixels  = 64 << 20 // of a picture; a browser gives up not far above
	mostInGrid  = 100      // images of a slice that are drawn
	mostColumns = 10
	mostWidth   = 1000 // pixels of a grid, unless one image is wider
	gap         = 2    // pixels between the images of a grid, through which the page is seen
	smallSide   = 64   // up to which images of a grid are drawn at double size
)

// Form is a value.Form for images. A picture of more than 64 Mi pixels is described in words alone.
func Form(v any) map[string]any {
	if img, is := v.(image.Image); is {
		if absent(img) {
			return nil
		}
		text := fmt.Sprintf("%T of %v", img, img.Bounds().Size())
		return said(img, text)
	}
	images, total := imagesIn(v)
	if len(images) == 0 {
		return nil
	}
	text := fmt.Sprintf("%T, %d images", v, total)
	if total == 1 {
		text = fmt.Sprintf("%T, 1 image", v)
	}
	if left := total - len(images); left > 0 {
		text += fmt.Sprintf(" (the first %d are shown)", len(images))
	}
	return said(grid(images), text)
}

// absent tells whether an image is a nil pointer, which has no bounds.
func absent(img image.Image) bool {
	r := reflect.ValueOf(img)
	return img == nil || r.Kind() == reflect.Pointer && r.IsNil()
}

// imagesIn returns the first images of a slice or an array of them, and how many it has.
func imagesIn(v any) (images []image.Image, total int) {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array || !r.Type().Elem().Implements(reflect.TypeFor[image.Image]()) {
		return nil, 0
	}
	for i := range min(r.Len(), mostInGrid) {
		img, _ := r.Index(i).Interface().(image.Image)
		images = append(images, img) // nil leaves its place empty
	}
	return images, r.Len()
}

// said is a picture with its text, or the text alone where there is nothing to draw.
func said(img image.Image, text string) map[string]any {
	size := img.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return map[string]any{"text/plain": text}
	}
	if size.X > mostPixels/size.Y {
		return map[string]any{"text/plain": text + ", which is too large for a page"}
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		return map[string]any{"text/plain": text + ", of which no PNG can be made: " + err.Error()}
	}
	return map[string]any{"text/plain": text, "image/png": encoded.Bytes()}
}

// grid draws images row by row, each in a place as large as the largest.
func grid(images []image.Image) image.Image {
	var side image.Point
	for _, img := range images {
		if absent(img) {
			continue
		}
		size := img.Bounds().Size()
		side.X, side.Y = max(side.X, size.X), max(side.Y, size.Y)
	}
	if side.X <= 0 || side.Y <= 0 || side.X > mostPixels/side.Y {
		return image.Rectangle{Max: side}
	}
	scale := 1
	if max(side.X, side.Y) <= smallSide {
		scale = 2
	}
	columns := max(1, min(len(images), mostColumns, mostWidth/(scale*side.X+gap)))
	rows := (len(images) + columns - 1) / columns
	bounds := image.Rect(0, 0, columns*(scale*side.X+gap)-gap, rows*(scale*side.Y+gap)-gap)
	if bounds.Dx() > mostPixels/bounds.Dy() {
		return bounds // of which only the size is said
	}
	sheet := image.NewNRGBA(bounds)
	for i, img := range images {
		if absent(img) {
			continue
		}
		at := image.Pt(i%columns*(scale*side.X+gap), i/columns*(scale*side.Y+gap))
		draw.Draw(sheet, image.Rectangle{Max: img.Bounds().Size().Mul(scale)}.Add(at), scaled{img, scale}, image.Point{}, draw.Src)
	}
	return sheet
}
