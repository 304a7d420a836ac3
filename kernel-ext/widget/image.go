package widget

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strconv"
)

// Image is a picture.
type Image struct{ common }

// Image makes a picture that is empty so far.
func (ui *UI) Image() *Image {
	ui.mu.Lock()
	defer ui.mu.Unlock()
	return &Image{common{ui.newWidget("Image", "Image", "", fields{
		"format": "png", "width": "", "height": "", "value": []byte{},
	})}}
}

// SetPNG shows a PNG file, whose bytes must not change afterwards. It is cheap: the picture goes to the front-ends as it
// is, and of several that are set faster than they can be sent, only the last goes.
func (i *Image) SetPNG(file []byte) { i.m.set("value", file) }

// SetImage shows img.
func (i *Image) SetImage(img image.Image) error {
	if img == nil || img.Bounds().Empty() {
		return fmt.Errorf("widget: the image has no pixels")
	}
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, img); err != nil {
		return fmt.Errorf("widget: %w", err)
	}
	i.SetPNG(encoded.Bytes())
	return nil
}

// SetSize sets the size on the screen, in pixels; 0 is the picture's own.
func (i *Image) SetSize(width, height int) {
	i.m.ui.mu.Lock()
	defer i.m.ui.mu.Unlock()
	for key, pixels := range map[string]int{"width": width, "height": height} {
		text := ""
		if pixels > 0 {
			text = strconv.Itoa(pixels)
		}
		i.m.setHeld(key, text)
	}
}
