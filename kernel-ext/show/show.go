// Package show puts pictures into a notebook: grids of samples, curves, points in the plane, time series, strings, and a
// card that follows a training run.
//
//	show.Grid(images, show.GridOptions{})
//	show.Curves(show.Plot{Title: "losses", Series: []show.Series{{Name: "critic", Y: losses}}})
//
//	live := show.NewLive(show.LiveOptions{Title: "first", Total: 5000})
//	for … {
//		frame := show.Frame{Step: step, Numbers: []show.Number{{"critic loss", c}, {"generator loss", g}}}
//		if live.Due() {
//			frame.Samples = … // only now are they looked at
//		}
//		live.Update(frame)
//	}
//	live.Done()
//
// Every picture is opaque and light, so it reads the same in light and dark themes; colours are those of Okabe and Ito
// (https://jfly.uni-koeln.de/color/), which colour-blind readers can tell apart. Outside a notebook Grid, Curves, Points,
// Lines, Texts and Image check their arguments, draw, and show nothing; there, take GridImage, CurvesImage and so on, and
// SavePNG. Live writes to the terminal instead.
//
// Reading order: show.go (into the notebook), grid.go, curves.go with band.go, heat.go, ticks.go and canvas.go, points.go,
// sequences.go, texts.go, beside.go, save.go, page.go (HTML that changes), then live.go with history.go (what is remembered of a run), card.go (its picture), notebook.go,
// terminal.go and drawn.go (where it goes).
package show

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"gantry.local/gan/sample"
)

// Grid shows images as a table of pictures. It fails as GridImage does, or when the notebook cannot be reached.
func Grid(images sample.Images, o GridOptions) error {
	img, err := GridImage(images, o)
	if err != nil {
		return err
	}
	return Image(img)
}

// Curves shows a plot, two pixels of the picture to one of the screen. It fails as CurvesImage does, or when the
// notebook cannot be reached.
func Curves(p Plot) error {
	img, err := CurvesImage(p)
	if err != nil {
		return err
	}
	return sendOne(img, density, "plot: "+p.Title)
}

// Image shows img, one pixel of it to one of the screen, so what CurvesImage draws is twice as large as with Curves. It
// fails when img has no pixels or the notebook cannot be reached.
func Image(img image.Image) error {
	if img == nil || img.Bounds().Empty() {
		return fmt.Errorf("show: the image has no pixels")
	}
	return sendOne(img, 1, fmt.Sprintf("picture of %d×%d pixels", img.Bounds().Dx(), img.Bounds().Dy()))
}

// sendOne displays img and waits until the notebook has it: what the cell prints next is to come below it. Other kernels
// than Gantry's also drop what is under way when a cell ends.
func sendOne(img image.Image, density int, text string) error {
	if err := send(img, density, png.DefaultCompression, "", text); err != nil {
		return err
	}
	return flush(flushTime)
}

// send displays img in the notebook, if there is one: density pixels to one of the screen, with text for readers that
// show no pictures. A second picture with the same id replaces the first; id "" stands alone.
func send(img image.Image, density int, level png.CompressionLevel, id, text string) error {
	if !gonbui.IsNotebook {
		return nil
	}
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&encoded, img); err != nil {
		return fmt.Errorf("show: %w", err)
	}
	size := img.Bounds().Size()
	gonbui.SendData(&protocol.DisplayData{
		Data: map[protocol.MIMEType]any{
			protocol.MIMEImagePNG:  encoded.Bytes(),
			protocol.MIMETextPlain: text,
		},
		// A map of ints is what the protocol registers with gob.
		Metadata: map[string]any{
			string(protocol.MIMEImagePNG): map[string]int{"width": size.X / density, "height": size.Y / density},
		},
		DisplayID: id,
	})
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("show: notebook: %w", err)
	}
	return nil
}
