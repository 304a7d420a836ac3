package show

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"gantry.local/kernel-ext/internal/wholefile"
)

// SavePNG writes img to path so that path holds either its former content or the whole picture, whatever happens.
// Others may read the file (mode 0644).
func SavePNG(path string, img image.Image) error {
	if img == nil || img.Bounds().Empty() {
		return fmt.Errorf("cannot save %s: the image has no pixels", path)
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, img); err != nil {
		return fmt.Errorf("cannot save %s: %w", path, err)
	}
	if err := wholefile.Write(path, encoded.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot save %s (earlier files are untouched): %w", path, err)
	}
	return nil
}
