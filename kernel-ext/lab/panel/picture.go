package panel

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

// Sizes of a panel's pictures, in pixels of the screen; they have twice as many.
const (
	pictureSide = show.Room
	curvesWidth = 400
)

// lookPicture draws what a look at the run has seen, as PNG; nil where there is nothing to see.
func lookPicture(l view.Look, content []byte) ([]byte, error) {
	if l.Picture {
		return content, nil
	}
	if l.Images.N == 0 {
		return nil, nil
	}
	return gridPicture(l.Samples(content), l.Columns, 2*pictureSide)
}

// gridPicture draws pictures in a grid that is as large as whole pixels allow, but not over so many pixels each way, as PNG.
// Columns 0: as many as rows.
func gridPicture(images sample.Images, columns, most int) ([]byte, error) {
	if columns == 0 {
		columns = int(math.Ceil(math.Sqrt(float64(images.N))))
	}
	columns = max(1, min(columns, images.N))
	rows := (images.N + columns - 1) / columns
	longest := max(columns*(images.Width+1), rows*(images.Height+1))
	img, err := show.GridImage(images, show.GridOptions{Columns: columns, Scale: max(1, most/max(longest, 1))})
	if err != nil {
		return nil, err
	}
	return encodePicture(img)
}

func encodePicture(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img); err != nil {
		return nil, fmt.Errorf("drawing: %w", err)
	}
	return out.Bytes(), nil
}

// setPicture shows a PNG file, two of its pixels to one of the screen, if there is one.
func setPicture(to *widget.Image, file []byte) error {
	if file == nil {
		return nil
	}
	size, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	to.SetSize(size.Width/2, size.Height/2)
	to.SetPNG(file)
	return nil
}

// remains are the pictures under a caption, as what is seen of a panel or explorer where there are no widgets, or that has
// ended: data and metadata of widget.UI's SetFallback.
func remains(caption string, painted [2][]byte) (data, metadata map[string]any, err error) {
	var images []image.Image
	captions := []string{caption}
	for _, file := range painted {
		if file == nil {
			continue
		}
		img, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, nil, fmt.Errorf("drawing: %w", err)
		}
		images = append(images, img)
	}
	for len(captions) < len(images) {
		captions = append(captions, "")
	}
	img, err := show.Beside(captions, images...)
	if err != nil {
		return nil, nil, err
	}
	file, err := encodePicture(img)
	if err != nil {
		return nil, nil, err
	}
	size := img.Bounds().Size()
	return map[string]any{"image/png": file, "text/plain": caption},
		map[string]any{"image/png": map[string]int{"width": size.X / 2, "height": size.Y / 2}}, nil
}

// leave sets what is left of a panel or explorer when it ends.
func leave(ui *widget.UI, w widget.Widget, caption string, painted [2][]byte) error {
	data, metadata, err := remains(caption, painted)
	if err != nil {
		return err
	}
	return ui.SetFallback(w, data, metadata)
}

// display shows a panel or explorer, with its remains as the fallback.
func display(ui *widget.UI, w widget.Widget, caption string, painted [2][]byte) error {
	data, metadata, err := remains(caption, painted)
	if err != nil {
		return err
	}
	if err := ui.DisplayWith(w, data); err != nil {
		return err
	}
	return ui.SetFallback(w, data, metadata)
}
