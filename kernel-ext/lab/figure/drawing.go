package figure

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"iter"
	"time"

	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

// Draw draws the figure of a run by what it yields, until a step is reached, the run's process ends, or ctx does. A run
// that is paused meanwhile says so, and goes on.
func Draw(ctx context.Context, ui *widget.UI, name string, all iter.Seq2[record.Event, error], look LookFunc, b *Budget, until int) error {
	p := &picture{ui: ui}
	f := New(ctx, look, b, show.LiveOptions{Title: name, Total: until, Draw: p.draw})
	for e, err := range all {
		if err != nil {
			f.Busy = true // there is nobody to ask for samples
			if ctx.Err() != nil {
				return f.End("") // another figure goes on
			}
			return f.End("the run's process has ended")
		}
		s := e.Status
		if err := f.Add(e); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		switch {
		case s.Step >= until && f.CaughtUp(s):
			return f.End("")
		case s.State == record.Failed:
			return f.Fail(s.Problem)
		case s.State == record.Paused && f.CaughtUp(s):
			if err := f.remark("paused"); err != nil {
				return err
			}
		}
	}
	return nil
}

// picture is a figure in a notebook: a widget, which comes back when the page is loaded anew, and in the end, and where
// there are no widgets, a plain picture.
type picture struct {
	ui    *widget.UI
	image *widget.Image // nil before the first
	kept  time.Time     // when the fallback was set
}

const keepEvery = 15 * time.Second // between two fallbacks, for a process that is killed

// draw shows a card in the place of the one before.
func (p *picture) draw(card image.Image, text string, last bool) error {
	level := png.BestSpeed
	if last {
		level = png.DefaultCompression
	}
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&encoded, card); err != nil {
		return err
	}
	size := card.Bounds().Size().Div(2)
	plain := map[string]any{"image/png": encoded.Bytes(), "text/plain": text}
	metadata := map[string]any{"image/png": map[string]int{"width": size.X, "height": size.Y}}
	if p.image == nil {
		p.image = p.ui.Image()
		p.image.SetSize(size.X, size.Y)
		p.image.SetPNG(encoded.Bytes())
		p.kept = time.Now()
		if err := p.ui.DisplayWith(p.image, plain); err != nil {
			return err
		}
	} else {
		p.image.SetSize(size.X, size.Y)
		p.image.SetPNG(encoded.Bytes())
		if !last && time.Since(p.kept) < keepEvery {
			return nil
		}
	}
	p.kept = time.Now()
	return p.ui.SetFallback(p.image, plain, metadata)
}
