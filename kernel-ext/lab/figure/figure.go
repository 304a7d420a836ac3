// Package figure draws the live figure of a run: in the cell that trains it, or, after that has ended, from the run's
// process.
//
// Reading order: budget.go (what its pictures may cost the run), figure.go (what it shows of what happens), drawing.go (as a
// widget of the run's process).
package figure

import (
	"bytes"
	"context"
	"image/png"
	"time"

	"gantry.local/gan/metric"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
)

// Figure is the live figure of a run, wherever it is drawn.
type Figure struct {
	look  LookFunc
	Ctx   context.Context // of the cell
	Busy  bool            // the run would take long to draw samples
	Live  *show.Live
	spent *Budget // of the run's pictures
	total int
	last  record.Metric // the last seen
	any   bool
	frame show.Frame
	aside []show.Number // the last distance that was measured; empty: none was
}

// LookFunc asks a run for a look at its samples.
type LookFunc func(context.Context) (view.Look, []byte, error)

// New makes a figure that asks for looks within ctx and a budget.
func New(ctx context.Context, look LookFunc, b *Budget, o show.LiveOptions) *Figure {
	return &Figure{look: look, Ctx: ctx, spent: b, Live: show.NewLive(o), total: o.Total}
}

// Add shows what is new. Of many steps at once only the last is drawn.
func (f *Figure) Add(e record.Event) error {
	if e.Rewound {
		f.Live.Forget()
		f.aside = nil
	}
	for _, s := range e.Earlier {
		f.Live.RecallStretch(drawnOf(s))
	}
	for i, m := range e.Metrics {
		if !m.Ordinary() {
			continue // the curves are over steps
		}
		f.last, f.any = m, true
		if m.Reports(metric.KernelName) {
			f.aside = []show.Number{{Name: metric.KernelName, Value: m.Value(metric.KernelName)}}
		}
		if i < len(e.Metrics)-1 {
			f.Live.Recall(m.Step, Curves(m.Progress)...)
		}
	}
	if !f.any {
		return nil
	}
	if f.last.Step > f.total { // another client asked for more
		f.total = f.last.Step
		f.Live.SetTotal(f.total)
	}
	f.frame = show.Frame{Step: f.last.Step, Numbers: Curves(f.last.Progress), Aside: f.aside, Light: e.Status.Light, Note: e.Status.LightReason}
	if f.Live.Due() && f.CaughtUp(e.Status) && f.spent.Wait(time.Now()) <= 0 {
		if err := f.ask(); err != nil {
			return err
		}
	}
	return f.Live.Update(f.frame)
}

// Curves are the numbers of a step that a figure draws, see record.Losses.
func Curves(p train.Progress) (drawn []show.Number) {
	for _, n := range record.LossesOf(p) {
		drawn = append(drawn, show.Number(n))
	}
	return drawn
}

// drawnOf is a stretch with the numbers that a figure draws.
func drawnOf(s show.Stretch) show.Stretch {
	var names []string
	for _, n := range s.Numbers {
		names = append(names, n.Name)
	}
	drawn := show.Stretch{Steps: s.Steps, Middle: s.Middle}
	for _, name := range record.Losses(names) {
		n, _ := s.Summary(name)
		drawn.Numbers = append(drawn.Numbers, n)
	}
	return drawn
}

// CaughtUp tells whether the figure shows all there is; a long history comes in parts.
func (f *Figure) CaughtUp(s record.Status) bool { return f.last.Step >= s.Step }

// ask asks for samples.
func (f *Figure) ask() error {
	s, content, err := f.look(f.Ctx)
	if err != nil {
		return err
	}
	f.spent.Spend(time.Now(), s.Stood)
	f.frame.Light, f.frame.Note = s.Light, s.Note
	switch {
	case s.Picture:
		f.frame.Picture, err = png.Decode(bytes.NewReader(content))
	case s.Images.N > 0:
		samples := s.Samples(content)
		f.frame.Samples, f.frame.Columns = &samples, s.Columns
	}
	return err
}

// End draws the last state, with a remark on why it is the last where there is one.
func (f *Figure) End(remark string) error {
	if !f.any {
		return f.Live.Done()
	}
	if !f.Busy {
		if err := f.ask(); err != nil && f.Ctx.Err() == nil {
			return err
		}
	}
	f.frame.Remark = remark
	return f.Live.End(f.frame)
}

// Fail draws the last state of a run that cannot train on, under a red light and with its problem.
func (f *Figure) Fail(problem string) error {
	if !f.any {
		return f.Live.Done()
	}
	f.frame.Light, f.frame.Note = show.Red, problem
	return f.Live.End(f.frame)
}

// remark says why the run stands still.
func (f *Figure) remark(line string) error {
	f.frame.Remark = line
	return f.Live.Update(f.frame)
}
