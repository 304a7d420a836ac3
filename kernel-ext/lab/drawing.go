package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"time"

	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

// draw begins to draw the run's figure below the cell that is running in the notebook behind a channel, in the place of
// the one that is drawn in that notebook already, which stays as it is.
func (r *resident) draw(ctx context.Context, a figureArgs) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ui, err := widget.Connect(ctx, a.Channel, nil)
	if err != nil {
		return fmt.Errorf("the run trains, but its figure cannot be shown: %w", err)
	}
	drawing, end := context.WithCancel(context.Background())
	r.mu.Lock()
	if before := r.drawing[a.Channel]; before != nil {
		before()
	}
	r.drawing[a.Channel] = end
	r.mu.Unlock()
	go func() { // the notebook's kernel has ended for good
		ui.Wait(drawing)
		end()
	}()
	r.figures.Go(func() {
		defer end()
		err := drawUntil(drawing, &Run{name: r.name, dir: r.dir}, &r.budget, &picture{ui: ui}, a.Until)
		if err = errors.Join(err, ui.Close()); err != nil {
			fmt.Fprintln(os.Stderr, "lab: figure:", oneLine(err))
		}
	})
	return nil
}

// drawUntil draws a run's figure until a step is reached, the run's process ends, or ctx does. A run that is paused
// meanwhile says so, and goes on.
func drawUntil(ctx context.Context, run *Run, b *budget, p *picture, until int) error {
	f := newFigure(ctx, run, b, show.LiveOptions{Title: run.name, Total: until, Draw: p.draw})
	for e, err := range run.Follow(ctx, 0) {
		if err != nil {
			f.busy = true // there is nobody to ask for samples
			if ctx.Err() != nil {
				return f.end("") // another figure goes on
			}
			return f.end("the run's process has ended")
		}
		s := e.Status
		if err := f.add(e); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		switch {
		case s.Step >= until && f.caughtUp(s):
			return f.end("")
		case s.State == Failed:
			return f.fail(s.Problem)
		case s.State == Paused && f.caughtUp(s):
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
