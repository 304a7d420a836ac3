package data

import (
	"fmt"
	"image"
	"image/color"
	"io"

	"golang.org/x/image/draw"
)

// readPicture decodes a PNG or JPEG picture of at most so many pixels into a sample, as soon as there is room for it.
func readPicture(r io.ReadSeeker, sample []byte, options FolderOptions, most int, room *room) error {
	var config image.Config
	format, err := formatOf(r)
	if err == nil {
		config, err = format.config(r)
	}
	if err != nil {
		return fmt.Errorf("not a PNG or JPEG picture: %w", err)
	}
	if min(config.Width, config.Height) < 1 || max(config.Width, config.Height) > maxSide ||
		config.Width*config.Height > most {
		return fmt.Errorf("a picture of %d×%d pixels: sides are 1 to %d and pixels at most %d; make it smaller",
			config.Height, config.Width, maxSide, most)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	need, err := format.memory(r, config)
	if err != nil {
		return fmt.Errorf("damaged picture: %w", err)
	}
	// The filter goes over the rows first, and keeps what it has of them as four float64.
	need += 32 * options.Width * cropped(image.Rect(0, 0, config.Width, config.Height), options).Dy()
	if need > maxDecoding {
		return fmt.Errorf("a picture of %d×%d pixels that takes %d MB to read: at most %d; make it smaller, or save it as plain PNG",
			config.Height, config.Width, need>>20, maxDecoding>>20)
	}
	room.take(need)
	defer room.give(need)
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	picture, err := format.decode(r)
	if err != nil {
		return fmt.Errorf("damaged picture: %w", err)
	}
	resize(picture, sample, options)
	return nil
}

// resize writes the part of the picture that options ask for into sample.
func resize(picture image.Image, sample []byte, options FolderOptions) {
	target := image.NewRGBA(image.Rect(0, 0, options.Width, options.Height))
	draw.Draw(target, target.Bounds(), image.White, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(target, target.Bounds(), picture, cropped(picture.Bounds(), options), draw.Over, nil)
	for i := range options.Width * options.Height {
		rgb := target.Pix[4*i:][:3]
		if options.Gray {
			sample[i] = color.GrayModel.Convert(color.RGBA{rgb[0], rgb[1], rgb[2], 255}).(color.Gray).Y
			continue
		}
		copy(sample[3*i:], rgb)
	}
}

// cropped returns the part of a picture that is kept, around its centre.
func cropped(bounds image.Rectangle, options FolderOptions) image.Rectangle {
	width, height := bounds.Dx(), bounds.Dy()
	switch {
	case options.Stretch:
		return bounds
	case options.Crop > 0:
		width, height = min(width, options.Crop), min(height, options.Crop)
	}
	if width*options.Height > height*options.Width {
		width = max(1, height*options.Width/options.Height)
	} else {
		height = max(1, width*options.Height/options.Width)
	}
	corner := bounds.Min.Add(image.Pt((bounds.Dx()-width)/2, (bounds.Dy()-height)/2))
	return image.Rectangle{Min: corner, Max: corner.Add(image.Pt(width, height))}
}
