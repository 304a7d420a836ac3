package lab

import (
	"bytes"
	"context"
	"image/png"
	"time"

	"gantry.local/kernel-ext/show"
)

// figure is the live figure of a run, wherever it is drawn.
type figure struct {
	run   *Run
	ctx   context.Context // of the cell
	busy  bool            // the run would take long to draw samples
	live  *show.Live
	spent *budget // of the run's pictures
	total int
	last  Metric // the last seen
	any   bool
	frame show.Frame
}

func newFigure(ctx context.Context, r *Run, b *budget, o show.LiveOptions) *figure {
	return &figure{run: r, ctx: ctx, spent: b, live: show.NewLive(o), total: o.Total}
}

// add shows what is new. Of many steps at once only the last is drawn.
func (f *figure) add(e Event) error {
	if e.Rewound {
		f.live.Forget()
	}
	for i, m := range e.Metrics {
		if m.Updates != BothNetworks {
			continue // the curves are over steps
		}
		f.last, f.any = m, true
		if i < len(e.Metrics)-1 {
			f.live.Recall(m.Step, m.CriticLoss, m.GeneratorLoss)
		}
	}
	if !f.any {
		return nil
	}
	if f.last.Step > f.total { // another client asked for more
		f.total = f.last.Step
		f.live.SetTotal(f.total)
	}
	f.frame = show.Frame{Step: f.last.Step, CriticLoss: f.last.CriticLoss, GeneratorLoss: f.last.GeneratorLoss,
		Light: e.Status.Light, Note: e.Status.LightReason}
	if f.live.Due() && f.caughtUp(e.Status) && f.spent.wait(time.Now()) <= 0 {
		if err := f.look(); err != nil {
			return err
		}
	}
	return f.live.Update(f.frame)
}

// caughtUp tells whether the figure shows all there is; a long history comes in parts.
func (f *figure) caughtUp(s Status) bool { return f.last.Step >= s.Step }

// look asks for samples.
func (f *figure) look() error {
	var s shown
	content, err := f.run.ask(f.ctx, "look", nil, &s)
	if err != nil {
		return err
	}
	f.spent.spend(time.Now(), s.Stood)
	f.frame.Light, f.frame.Note = s.Light, s.Note
	switch {
	case s.Picture:
		f.frame.Picture, err = png.Decode(bytes.NewReader(content))
	case s.Images.N > 0:
		f.frame.Samples = &show.Images{N: s.Images.N, H: s.Images.H, W: s.Images.W, C: s.Images.C, Data: bytesToFloats(content)}
		f.frame.Columns = s.Columns
	}
	return err
}

// end draws the last state, with a remark on why it is the last where there is one.
func (f *figure) end(remark string) error {
	if f.any {
		if !f.busy {
			if err := f.look(); err != nil && f.ctx.Err() == nil {
				return err
			}
		}
		f.frame.Remark = remark
		if err := f.live.Update(f.frame); err != nil {
			return err
		}
	}
	return f.live.Done()
}

// fail draws the last state of a run that cannot train on, under a red light and with its problem.
func (f *figure) fail(problem string) error {
	if f.any {
		f.frame.Light, f.frame.Note = show.Red, problem
		if err := f.live.Update(f.frame); err != nil {
			return err
		}
	}
	return f.live.Done()
}

// remark says why the run stands still.
func (f *figure) remark(line string) error {
	f.frame.Remark = line
	return f.live.Update(f.frame)
}
