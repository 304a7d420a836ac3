package panel

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"gantry.local/gan/data"
	"gantry.local/gan/sample"
	"gantry.local/kernel-ext/lab/view"
	"gantry.local/kernel-ext/widget"
)

const (
	pathColumns = 8   // images of the way from A to B
	stripWidth  = 720 // of their picture, in pixels of the screen
)

// explorer is an explorer in one notebook.
type explorer struct {
	run        Steered
	ui         *widget.UI
	all        *widget.Box
	components int // of z
	classes    int // of a conditional generator, or 0
	calls      int // at which the run is
	kind       view.SampleKind
	like       *sample.Images // of what is no picture
	lanes      *lanes

	now, path *widget.Image
	line      *widget.HTML

	mu      sync.Mutex
	view    viewpoint
	painted [2][]byte // the last pictures
}

// StartExplorer shows an explorer of the run's latent space: a slider from the latent of one seed, A, to that of another, B,
// along a straight line or a great circle; sliders that move along the first components of z; a truncation, which shrinks z
// towards 0; for a conditional generator the class; and buttons for other seeds. The function it returns lets it follow the
// run until ctx ends or the run's process does.
func StartExplorer(ui *widget.UI, r Steered, set data.Set) (func(context.Context), error) {
	s := r.Status()
	if s.Sampler == "" {
		return nil, fmt.Errorf("run %s has no network that samples are drawn from, so there is no latent space to explore", s.Name)
	}
	like, err := set.Head() // which has samples where they are no pictures
	if err != nil {
		return nil, err
	}
	e := &explorer{run: r, ui: ui, components: s.Latent, classes: s.Classes, calls: s.Calls, like: like, lanes: newLanes(),
		kind: view.KindOf(like.Height, like.Width, like.Depth(), like), now: ui.Image(), path: ui.Image(), line: ui.HTML(""),
		view: viewpoint{a: 1, b: 2, spherical: true, psi: 1, offsets: make([]float64, min(exploredDimensions, s.Latent))}}
	if e.kind == view.Other {
		return nil, fmt.Errorf("%w of %d×%d×%d: there is nothing to see", view.ErrNoPicture, like.Height, like.Width, like.Depth())
	}
	e.all = e.widgets(ui)
	if err := e.paint(); err != nil {
		return nil, err
	}
	return e.loop, display(ui, e.all, e.caption(), e.painted)
}

// widgets lays out the explorer.
func (e *explorer) widgets(ui *widget.UI) *widget.Box {
	v := e.view
	wide := func(d interface {
		SetLabelWidth(string)
		SetLayout(widget.Layout)
	}) {
		d.SetLabelWidth("90px")
		d.SetLayout(widget.Layout{Width: "400px"})
	}
	seeds := ui.Label("")
	name := func() { seeds.Set(fmt.Sprintf("A is seed %d, B is seed %d", e.view.a, e.view.b)) }
	name()
	between := ui.FloatSlider(widget.Range{Label: "A → B", Max: 1, Step: 0.01, Value: v.t})
	between.OnChange(func(t float64) { e.change(func(v *viewpoint) { v.t = t }) })
	way := ui.Dropdown("along", "a great circle (spherical)", "a straight line (linear)")
	way.OnChange(func(string) { e.change(func(v *viewpoint) { v.spherical = way.Index() == 0 }) })
	truncation := ui.FloatSlider(widget.Range{Label: "truncation ψ", Max: 1.5, Step: 0.01, Value: v.psi})
	truncation.SetTooltip("shrinks z towards 0: less variety, more typical images")
	truncation.OnChange(func(psi float64) { e.change(func(v *viewpoint) { v.psi = psi }) })
	wide(between)
	wide(way)
	wide(truncation)
	controls := []widget.Widget{between, way, truncation}
	if e.classes > 0 {
		names := make([]string, e.classes)
		for i := range names {
			names[i] = fmt.Sprint(i)
			if i < len(e.like.Names) {
				names[i] = fmt.Sprintf("%d %s", i, e.like.Names[i])
			}
		}
		class := ui.Dropdown("class", names...)
		class.OnChange(func(string) { e.change(func(v *viewpoint) { v.class = int32(class.Index()) }) })
		wide(class)
		controls = append(controls, class)
	}
	far := reach(e.components)
	var offsets []*widget.FloatSlider
	for i := range v.offsets {
		d := ui.FloatSlider(widget.Range{Label: fmt.Sprintf("z%s +", subscript(i+1)), Min: -far, Max: far, Step: far / 100})
		d.SetTooltip(fmt.Sprintf("moves z along component %d of %d", i+1, e.components))
		d.OnChange(func(offset float64) { e.change(func(v *viewpoint) { v.offsets[i] = offset }) })
		wide(d)
		offsets, controls = append(offsets, d), append(controls, d)
	}

	newSeed := func() int64 { return int64(rand.IntN(100_000)) }
	press := func(label, tooltip string, do func(v *viewpoint)) *widget.Button {
		b := pressable(ui, label, "", tooltip)
		b.OnClick(func() {
			e.change(do)
			name()
		})
		return b
	}
	reset := pressable(ui, "reset", "undo", "back to z between A and B, without truncation")
	reset.OnClick(func() {
		for _, d := range offsets {
			d.Set(0)
		}
		truncation.Set(1)
		e.change(func(v *viewpoint) { clear(v.offsets); v.psi = 1 })
	})
	buttons := ui.HBox(
		press("another A", "a new seed for A", func(v *viewpoint) { v.a = newSeed() }),
		press("another B", "a new seed for B", func(v *viewpoint) { v.b = newSeed() }),
		press("swap", "B becomes A and A becomes B", func(v *viewpoint) { v.a, v.b = v.b, v.a }), reset, seeds)
	buttons.SetLayout(widget.Layout{FlexFlow: "row wrap"})

	e.now.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain"})
	e.path.SetLayout(widget.Layout{MaxWidth: "100%", ObjectFit: "contain", Margin: "4px 2px"})
	right := ui.VBox(controls...)
	middle := ui.HBox(e.now, right)
	middle.SetLayout(widget.Layout{FlexFlow: "row wrap", AlignItems: "flex-start", GridGap: "12px", Margin: "4px 2px"})
	all := ui.VBox(buttons, middle, e.path, e.line)
	all.SetLayout(widget.Layout{MaxWidth: "820px"})
	return all
}

// subscript writes a small number below the line.
func subscript(n int) string {
	var digits []rune
	for _, d := range fmt.Sprint(n) {
		digits = append(digits, '₀'+d-'0')
	}
	return string(digits)
}

// change moves to another viewpoint and draws what is seen from it. It is called by callbacks, one at a time.
func (e *explorer) change(do func(v *viewpoint)) {
	e.mu.Lock()
	do(&e.view)
	e.mu.Unlock()
	e.draw()
}

// draw draws the images, unless a newer viewpoint takes this one's place before its turn comes.
func (e *explorer) draw() {
	e.lanes.latest(laneDraw, func() {
		text := ""
		if err := e.paint(); err != nil {
			text = failure(err)
		}
		e.line.Set(text)
	})
}

func (e *explorer) paint() error {
	e.mu.Lock()
	z := e.view.latents(e.components, pathColumns)
	classes := e.view.classes(1+pathColumns, e.classes > 0)
	e.mu.Unlock()
	made, err := e.run.Generate(context.Background(), z, classes)
	if err != nil {
		return err
	}
	size := len(made.Values) / made.N
	at := sample.Images{Values: made.Values[:size], N: 1, Height: made.Height, Width: made.Width, Channels: made.Channels}
	path := sample.Images{Values: made.Values[size:], N: pathColumns, Height: made.Height, Width: made.Width, Channels: made.Channels}
	large, err := e.picture(at, 2*pictureSide)
	if err != nil {
		return err
	}
	strip, err := e.picture(path, 2*stripWidth)
	if err != nil {
		return err
	}
	e.mu.Lock()
	e.painted = [2][]byte{large, strip}
	e.mu.Unlock()
	return errors.Join(setPicture(e.now, large), setPicture(e.path, strip))
}

// picture draws samples in a row, or, where they are no pictures, as the kind of the data asks for.
func (e *explorer) picture(samples sample.Images, most int) ([]byte, error) {
	if e.kind == view.Pictures {
		return gridPicture(samples, samples.N, most)
	}
	img, err := view.DrawCard(samples, e.kind, e.like)
	if err != nil {
		return nil, err
	}
	return encodePicture(img)
}

// remain sets what is left of the explorer when it ends.
func (e *explorer) remain() {
	e.mu.Lock()
	painted := e.painted
	e.mu.Unlock()
	if err := leave(e.ui, e.all, e.caption(), painted); err != nil {
		e.line.Set(failure(err))
	}
}

// caption is for what remains of the explorer.
func (e *explorer) caption() string { return "run this cell again to explore " + e.run.Name }

// loop draws anew when the run has changed, redrawEvery at most.
func (e *explorer) loop(ctx context.Context) {
	defer e.remain()
	defer e.lanes.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := eventsOf(e.run.Follow(ctx, e.calls), ctx.Done())
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	drawn, last := e.calls, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case event, living := <-events:
			if !living {
				return
			}
			e.calls = event.Status.Calls
			if event.Rewound {
				drawn = -1
			}
		case <-due.C:
		}
		if drawn == e.calls {
			continue
		}
		if e.ui.Away() > 0 {
			due.Reset(redrawAway)
			continue
		}
		if left := time.Until(last.Add(redrawEvery)); left > 0 || e.lanes.busy(laneDraw) {
			due.Reset(max(left, redrawEvery/10))
			continue
		}
		drawn, last = e.calls, time.Now()
		e.draw()
	}
}
