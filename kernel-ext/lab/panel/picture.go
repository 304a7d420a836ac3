package panel

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
	"slices"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

// Sizes of a panel's pictures, in pixels of the screen; they have twice as many.
const (
	pictureSide = show.Room
	curvesWidth = 400
)

// losses are a run's loss curves in at most lossPoints points, each the mean of as many consecutive steps.
type losses struct {
	step, critic, generator []float64
	steps                   int // in a full point
	last                    int // in the newest point
}

const lossPoints = 1000

func (l *losses) add(m record.Metric) {
	if m.Updates != record.BothNetworks {
		return // the curves are over steps
	}
	if n := len(l.step) - 1; n >= 0 && l.last < l.steps {
		l.last++
		share := 1 / float64(l.last)
		l.step[n] += (float64(m.Step) - l.step[n]) * share
		l.critic[n] += (m.CriticLoss - l.critic[n]) * share
		l.generator[n] += (m.GeneratorLoss - l.generator[n]) * share
		return
	}
	if len(l.step) == lossPoints {
		for _, s := range []*[]float64{&l.step, &l.critic, &l.generator} {
			for i := range lossPoints / 2 {
				(*s)[i] = ((*s)[2*i] + (*s)[2*i+1]) / 2
			}
			*s = (*s)[:lossPoints/2]
		}
		l.steps *= 2
	}
	l.steps, l.last = max(l.steps, 1), 1
	l.step, l.critic, l.generator = append(l.step, float64(m.Step)), append(l.critic, m.CriticLoss), append(l.generator, m.GeneratorLoss)
}

func (l losses) clone() losses {
	l.step, l.critic, l.generator = slices.Clone(l.step), slices.Clone(l.critic), slices.Clone(l.generator)
	return l
}

// picture draws the curves.
func (l *losses) picture() ([]byte, error) {
	img, err := show.CurvesImage(show.Plot{XLabel: "step", Width: curvesWidth, Height: pictureSide, Series: []show.Series{
		{Name: "critic loss", X: l.step, Y: l.critic}, {Name: "generator loss", X: l.step, Y: l.generator}}})
	if err != nil {
		return nil, err
	}
	return encodePicture(img)
}

// lookPicture draws what a look at the run has seen, as PNG.
func lookPicture(l view.Look, content []byte) ([]byte, error) {
	if l.Picture {
		return content, nil
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

// setPicture shows a PNG file, two of its pixels to one of the screen.
func setPicture(to *widget.Image, file []byte) error {
	size, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("drawing: %w", err)
	}
	to.SetSize(size.Width/2, size.Height/2)
	to.SetPNG(file)
	return nil
}

// remains are two pictures under a caption, as what is seen of a panel or explorer where there are no widgets, or that has
// ended: data and metadata of widget.UI's SetFallback.
func remains(caption string, painted [2][]byte) (data, metadata map[string]any, err error) {
	var images []image.Image
	for _, file := range painted {
		img, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			return nil, nil, fmt.Errorf("drawing: %w", err)
		}
		images = append(images, img)
	}
	img, err := show.Beside([]string{caption, ""}, images...)
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
