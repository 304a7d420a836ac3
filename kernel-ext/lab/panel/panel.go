// Package panel has the widgets that steer a run from a notebook: the panel and the explorer of its latent space. They live
// in the run's process and ask it straight.
//
// Reading order: curves.go and picture.go (what is drawn), board.go (a panel's widgets), lanes.go (what is done by hand does not hold up what is
// seen), panel.go (its loop), viewpoint.go and explore.go (the explorer).
package panel

import (
	"context"
	"errors"
	"fmt"
	"html"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab/figure"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/widget"
)

const (
	redrawEvery = 250 * time.Millisecond // between two redraws while the run trains, at least
	redrawAway  = time.Second            // while the kernel is away: until it is looked for again
)

// Lanes of a panel. What is in different ones does not wait for each other, so that pausing works while a step runs.
const (
	laneDrive = "drive"
	lanePause = "pause"
	laneLoss  = "loss"
	laneCurve = "curves"
	laneDraw  = "draw"
	laneSet   = "set " // and the name of the setting
)

// Steered is what a panel or an explorer asks of the run in whose process it lives.
type Steered struct {
	Name   string
	Status func() record.Status
	Past   func(context.Context) ([]record.Metric, error) // all that was recorded

	// Follow yields what happens after so many calls, until ctx ends or the run's process does.
	Follow func(ctx context.Context, after int) iter.Seq2[record.Event, error]

	Look     func(context.Context) (view.Look, []byte, error)
	Generate func(ctx context.Context, z []float32, classes []int32) (sample.Images, error)

	Train         func(ctx context.Context, steps int) error      // begins to
	Single        func(ctx context.Context, network string) error // makes one step, or one of a network alone
	Pause, Resume func(context.Context) error
	Set           func(ctx context.Context, name string, value float64) error
	SetLoss       func(ctx context.Context, name string) error
}

// panel is a run's panel in one notebook. Its loop owns it; callbacks and lanes send it news.
type panel struct {
	run    Steered
	ui     *widget.UI
	board  *board
	budget *figure.Budget // of the run's pictures
	lanes  *lanes
	news   chan news
	over   chan struct{} // closed when the loop has ended
	fresh  atomic.Bool   // the number of steps was chosen since the last play

	seen    int // calls of the history before the loop
	status  record.Status
	curves  record.Means
	stale   bool // the lines do not show the status
	shownAt time.Time
	eager   bool // a person waits: do not hold back the next lines and, of a run at rest, pictures
	drawn   int  // calls that the pictures show, -1: not all that is known
	drawnAt time.Time
	doing   map[string]string // what is under way, in words, by lane
	problem error             // of the last action

	painting sync.Mutex
	painted  [2][]byte // the last pictures
}

// news is what a panel's loop is told: something begins, or has ended.
type news struct {
	lane   string
	begins string // in words
	ended  bool
	err    error
}

// Start shows a panel, by which a person steers the run: play, pause, a single step, steps of one network alone, a slider for
// each setting, the choice of the loss where there is one and of what the curves are of, and, redrawn while the run trains, where
// it stands, the light of the last look for collapse, the curves and the samples. The function it returns keeps it up to date until ctx ends
// or the run's process does.
func Start(ctx context.Context, ui *widget.UI, r Steered, b *figure.Budget) (func(context.Context), error) {
	past, err := r.Past(ctx)
	if err != nil {
		return nil, err
	}
	s := r.Status()
	p := &panel{run: r, ui: ui, budget: b, board: newBoard(ui, s), lanes: newLanes(), news: make(chan news),
		over: make(chan struct{}), status: s, drawn: s.Calls, seen: len(past), doing: map[string]string{}}
	for _, m := range past {
		p.curves.Add(m)
	}
	p.show()
	if err := p.paint(plotOf(&p.curves, nil), false); err != nil {
		return nil, err
	}
	p.connect()
	return p.loop, display(ui, p.board.all, p.caption(), p.painted)
}

// caption is for what remains of the panel.
func (p *panel) caption() string {
	return fmt.Sprintf("%s at step %d; run this cell again to steer it", p.run.Name, p.status.Step)
}

// connect lets the board's buttons and sliders act on the run.
func (p *panel) connect() {
	b, r := p.board, p.run
	press := func(lane, words string, do func(context.Context) error) func() {
		return func() { p.lanes.add(lane, p.action(lane, words, do)) }
	}
	single := func(network string) func(context.Context) error {
		return func(ctx context.Context) error { return r.Single(ctx, network) }
	}
	b.play.OnClick(press(laneDrive, "", p.play))
	b.pause.OnClick(press(lanePause, "pausing", r.Pause))
	b.one.OnClick(press(laneDrive, "one step", single("")))
	for name, button := range b.alone {
		button.OnClick(press(laneDrive, "a step of the "+name, single(name)))
	}
	b.steps.OnChange(func(string) { p.fresh.Store(true) })
	for name, d := range b.dials {
		d.OnChange(func(value float64) {
			p.lanes.latest(laneSet+name, p.action(laneSet+name, "", func(ctx context.Context) error { return r.Set(ctx, name, value) }))
		})
	}
	b.drawn.OnChange(func(string) {
		p.lanes.latest(laneCurve, p.action(laneCurve, "", func(context.Context) error { return nil }))
	})
	if b.loss == nil {
		return
	}
	b.loss.OnChange(func(name string) {
		p.lanes.latest(laneLoss, p.action(laneLoss, "compiling the step with the loss "+name,
			func(ctx context.Context) error { return r.SetLoss(ctx, name) }))
	})
}

// action tells the loop when something begins and how it ended.
func (p *panel) action(lane, words string, do func(context.Context) error) func() {
	return func() {
		p.tell(news{lane: lane, begins: words})
		p.tell(news{lane: lane, ended: true, err: do(context.Background())})
	}
}

func (p *panel) tell(n news) {
	select {
	case p.news <- n:
	case <-p.over:
	}
}

// play trains on to where the run was to go, or, where that is reached or another number of steps was chosen, for so many
// more.
func (p *panel) play(ctx context.Context) error {
	s := p.run.Status()
	if s.State == record.Training {
		return nil
	}
	if chosen := p.fresh.Swap(false); !chosen && s.Target > s.Step {
		return p.run.Resume(ctx)
	}
	return p.run.Train(ctx, stepChoices()[p.board.steps.Value()])
}

// loop keeps the panel up to date.
func (p *panel) loop(ctx context.Context) {
	defer p.remain()
	defer p.lanes.end()
	defer close(p.over)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := eventsOf(p.run.Follow(ctx, p.seen), ctx.Done())
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, living := <-events:
			if !living {
				return
			}
			p.take(e)
		case n := <-p.news:
			p.hear(n)
		case <-due.C:
		}
		due.Reset(p.redraw(time.Now()))
	}
}

// eventsOf sends what a run yields, until it ends or done is closed; then the channel is closed.
func eventsOf(all iter.Seq2[record.Event, error], done <-chan struct{}) <-chan record.Event {
	events := make(chan record.Event)
	go func() {
		defer close(events)
		for e, err := range all {
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-done:
				return
			}
		}
	}()
	return events
}

// take takes over what has happened to the run.
func (p *panel) take(e record.Event) {
	if e.Rewound {
		p.curves = record.Means{}
	}
	for _, m := range e.Metrics {
		p.curves.Add(m)
	}
	if e.Rewound || len(e.Metrics) > 0 {
		p.drawn = -1
	}
	p.see(e.Status)
}

// see takes over where the run stands. What changes by a person's doing is shown at once, here and in the run's other
// panels.
func (p *panel) see(s record.Status) {
	before := p.status
	if s.State != before.State || s.Loss != before.Loss || !maps.Equal(s.Settings, before.Settings) ||
		s.State == record.Paused && s.Calls != before.Calls {
		p.eager = true
	}
	p.status, p.stale = s, true
}

// hear takes over news of an action. Once it has ended the status is asked for, which knows what came of it.
func (p *panel) hear(n news) {
	p.stale, p.eager = true, p.eager || n.lane != laneDraw
	if !n.ended {
		p.doing[n.lane] = n.begins
		return
	}
	delete(p.doing, n.lane)
	if n.lane == laneDraw {
		p.drawnAt = time.Now()
		if n.err == nil {
			if p.status.State != record.Training {
				p.remain()
			}
			return
		}
	}
	if n.lane == laneCurve {
		p.drawn = -1
	}
	p.problem = n.err
	p.see(p.run.Status())
}

// redraw draws what is due and returns when the next redraw is.
func (p *panel) redraw(now time.Time) (wait time.Duration) {
	if p.ui.Away() > 0 {
		return redrawAway
	}
	wait = time.Hour
	if p.stale {
		if left := p.shownAt.Add(redrawEvery).Sub(now); left > 0 && !p.eager {
			wait = left
		} else {
			p.show()
			p.shownAt, p.stale = now, false
		}
	}
	switch rest := p.rest(now); {
	case p.drawn == p.status.Calls:
	case p.lanes.busy(laneDraw):
		return wait // its end brings news
	case rest <= 0:
		p.draw()
	default:
		wait = min(wait, rest)
	}
	p.eager = false
	return wait
}

// rest is how long the pictures are left as they are. Of a run that trains they keep to its budget, whoever waits.
func (p *panel) rest(now time.Time) time.Duration {
	if p.eager && p.status.State != record.Training {
		return 0
	}
	return max(p.drawnAt.Add(redrawEvery).Sub(now), p.budget.Wait(now))
}

// show writes the lines, and brings sliders and choices to what holds. What a person is just changing is left alone.
func (p *panel) show() {
	p.board.show(p.status)
	for name, value := range p.status.Settings {
		if !p.lanes.busy(laneSet + name) {
			p.board.turn(name, value)
		}
	}
	if p.board.loss != nil && !p.lanes.busy(laneLoss) {
		p.board.loss.Set(p.status.Loss)
	}
	var doing []string
	for _, lane := range slices.Sorted(maps.Keys(p.doing)) {
		if words := p.doing[lane]; words != "" {
			doing = append(doing, words)
		}
	}
	switch {
	case p.status.Problem != "":
		p.board.line.Set(failure(errors.New(p.status.Problem + "; run.Rewind(step) goes back to a checkpoint")))
	case len(doing) > 0:
		p.board.line.Set(html.EscapeString(strings.Join(doing, ", ")) + " …")
	case p.problem != nil:
		p.board.line.Set(failure(p.problem))
	default:
		p.board.line.Set("")
	}
}

// draw draws the pictures, in a lane of their own: samples may have to wait for a step that is under way.
func (p *panel) draw() {
	p.drawn = p.status.Calls
	plot, trains := plotOf(&p.curves, p.board.chosen()), p.status.State == record.Training
	p.lanes.latest(laneDraw, func() { p.tell(news{lane: laneDraw, ended: true, err: p.paint(plot, trains)}) })
}

// paint draws the pictures, and notes what that took of the run: drawing, and for how long the training stood still for
// the samples, but not the wait for the end of a step. What is drawn while the run rests costs it nothing.
func (p *panel) paint(plot show.Plot, trains bool) error {
	var s view.Look
	drawing := figure.Stopwatch{}
	drawing.Start()
	defer func() {
		if cost := drawing.Stop() + s.Stood; trains {
			p.budget.Spend(time.Now(), cost)
		}
	}()
	chart, err := drawCurves(plot)
	if err != nil {
		return err
	}
	p.board.curves.SetPNG(chart)
	drawing.Stop()
	var content []byte
	s, content, err = p.run.Look(context.Background())
	drawing.Start()
	if err != nil {
		return err
	}
	grid, err := lookPicture(s, content)
	if err != nil {
		return err
	}
	p.painting.Lock()
	p.painted = [2][]byte{chart, grid}
	p.painting.Unlock()
	return setPicture(p.board.samples, grid)
}

// remain sets what is left of the panel when it ends.
func (p *panel) remain() {
	p.painting.Lock()
	painted := p.painted
	p.painting.Unlock()
	if err := leave(p.ui, p.board.all, p.caption(), painted); err != nil {
		p.problem = err
	}
}
