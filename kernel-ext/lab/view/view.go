// Package view shows samples as what they are: pictures, points in the plane, series or text.
//
// Reading order: picture.go (samples of any kind as a picture), planes.go (points of more numbers than two), view.go (those of a trainer, time and again, and whether they
// look collapsed), rendered.go (as the content of a file), look.go (one look, as it is handed to another process).
package view

import (
	"fmt"
	"image"
	"math"
	"strings"

	"gantry.local/gan"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/sample"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/show"
)

// View shows what a run's generator makes of the same latents each time, as the kind of its data asks for (see Picture),
// and watches samples of pictures, and points in the plane, for collapse. A game that draws no samples shows what it makes of the same
// pictures of its data, each below the picture itself. Where there is no picture for the data, or no network that Shows something, it shows nothing.
type View struct {
	trainer *train.Trainer
	like    *sample.Images
	kind    SampleKind
	n       int
	seed    int64
	classes int // of a conditional generator, or the rows of pairs; else 0
	pairs   int // images of the data, each shown before and after what the game does with it, in the place of samples; else 0

	watch   func()          // makes the monitor, at the first look; nil where it was made, and for data that has none
	monitor *metric.Monitor // nil: none
	watched int             // samples that the monitor looks at
	looked  int             // step of its last look
	light   show.Light
	note    string
}

const (
	likeness  = 1000 // samples of a stream that tell what its data is like
	firstLook = 200  // step of the first look for collapse; before, all samples are alike
	lookEvery = 100  // steps between two, at least
)

// New prepares to show n samples, 0 for as many as suit the kind of data: 100 pictures, 1000 points, 24 series, or a
// page of text. A class-conditional generator's are a row for each class, of up to ten. It fails when the data set
// cannot be loaded.
func New(t *train.Trainer, n int, seed int64) (*View, error) {
	game := t.Game()
	like, err := game.Data[0].Some(likeness)
	if err != nil {
		return nil, err
	}
	v := &View{trainer: t, like: like, kind: KindOf(like.Height, like.Width, like.Depth(), like), n: n, seed: seed}
	if game.Sampler.Network == "" {
		v.pair(game.Shows() != nil)
		return v, nil
	}
	if n == 0 {
		v.n = map[SampleKind]int{points: 1000, series: 24}[v.kind]
	}
	if v.n == 0 {
		v.n = 100
	}
	if game.Sampler.Classed {
		v.classes = game.Classes
		if columns := min(10, v.n/v.classes); columns > 0 && v.classes <= mostRows {
			v.n = columns * v.classes
		}
	}
	v.watch = map[SampleKind]func(){Pictures: v.watchPictures, points: v.watchPoints}[v.kind]
	if v.kind == points && like.Depth() != 2 {
		v.watch = nil
	}
	if v.watch != nil {
		v.light, v.note = show.Unlit, fmt.Sprintf("collapse is looked for from step %d on", firstLook)
	}
	return v, nil
}

// pair prepares to show pictures of the data before and after, in rows by turns, where the game can show them, and nothing otherwise.
func (v *View) pair(can bool) {
	if v.kind != Pictures || !can {
		v.kind = Other
		return
	}
	if v.n == 0 {
		v.n = 100
	}
	v.pairs = min(max(v.n/2, 1), v.like.N)
	rows := min(max(v.pairs/10, 1), 5)
	v.pairs -= v.pairs % rows
	v.classes = 2 * rows
}

// watchPictures makes the monitor, of so few images that a look takes milliseconds. Data in which nothing differs, or that is
// too small, has none.
func (v *View) watchPictures() {
	size := v.like.Height * v.like.Width * v.like.Depth()
	v.watched = min(max(int(math.Sqrt(10e6/float64(size))), 16), 100) // of which each pair is compared
	n := min(2*v.watched, v.like.N)
	var labeller metric.Labeller // counts the classes that samples show, for the data that has one
	if name := metric.NameFor(v.trainer.Game().Data[0].Name); name != "" {
		if classifier, err := metric.Open(v.trainer.Backend(), name); err == nil {
			labeller = classifier
		}
	}
	v.monitor, _ = metric.NewMonitor(v.real(n), labeller)
}

// watchPoints makes the monitor of points in the plane, whose classes are their modes. All samples are looked at: a mode of
// 25 has few of them.
func (v *View) watchPoints() {
	v.watched = v.n
	v.monitor, _ = metric.NewPointMonitor(v.real(min(500, v.like.N)))
}

// real is n samples of the data, from all over it.
func (v *View) real(n int) sample.Images { return Spread(v.like, n) }

// Spread is n samples of a set from all over it, or all where it has fewer.
func Spread(like *sample.Images, n int) sample.Images {
	return like.Rows(sample.Spread(like.N, n))
}

// Light returns what the last look for collapse showed, and what it means in words.
func (v *View) Light() (show.Light, string) { return v.light, v.note }

// Samples draws the view's samples, or its pairs.
func (v *View) Samples() (sample.Images, error) {
	if v.pairs > 0 {
		return v.trainer.Shown(v.real(v.pairs))
	}
	return v.trainer.Sample(v.n, v.seed)
}

// Picture draws them as the picture of a whole page. Where there is nothing to draw from, the error is ErrNoPicture.
func (v *View) Picture() (image.Image, error) {
	if game := v.trainer.Game(); game.Sampler.Network == "" && v.pairs == 0 {
		return nil, fmt.Errorf("%w: %q has no Sampler, and no network that Shows something", ErrNoPicture, game.Name)
	}
	samples, err := v.Samples()
	if err != nil {
		return nil, err
	}
	if v.kind == Pictures {
		return grid(samples, v.classes)
	}
	return draw(samples, v.kind, v.like, page)
}

// Dress adds to the frame of a step what the view shows: the light and note of the last look for collapse, and, where
// they are due, the samples, at which it may look again.
func (v *View) Dress(frame *show.Frame, p train.Progress, due bool) error {
	if due && v.kind != Other {
		samples, err := v.Samples()
		if err != nil {
			return err
		}
		v.look(samples, p)
		if v.kind == Pictures {
			grid, columns := arranged(samples, v.classes)
			frame.Samples, frame.Columns = &grid, columns
		} else if frame.Picture, err = draw(samples, v.kind, v.like, card); err != nil {
			return err
		}
	}
	frame.Light, frame.Note = v.light, v.note
	if spent, private := gan.Spent(v.trainer); private {
		frame.Note = strings.TrimPrefix(frame.Note+" · "+spent.String(), " · ")
	}
	return nil
}

// look lets the monitor see the samples of a step, if it is time.
func (v *View) look(samples sample.Images, p train.Progress) {
	if p.Step < max(firstLook, v.looked+lookEvery) || samples.N < 2 {
		return
	}
	if v.watch != nil {
		v.watch()
		v.watch = nil
		if v.monitor == nil {
			v.light, v.note = show.NoLight, ""
		}
	}
	if v.monitor == nil {
		return
	}
	v.looked = p.Step
	vitals := metric.Vitals{}
	if p.Reports(method.GeneratorGradient) {
		vitals.GeneratorGradients = []float64{p.Value(method.GeneratorGradient)}
	}
	if exp, is := gan.Of(v.trainer); is {
		switch exp.Loss.(type) {
		case loss.CrossEntropy, loss.Margin, loss.Smoothed: // whose critics put the border at 0
			vitals.CriticAccuracy = (p.Value(method.RealAccuracy) + p.Value(method.FakeAccuracy)) / 2
		}
	}
	signal, err := v.monitor.Look(samples.Part(0, min(v.watched, samples.N)), vitals)
	switch {
	case err != nil: // a sample that is not finite
		v.light, v.note = show.Red, err.Error()
	case signal.Level == metric.OK:
		v.light, v.note = show.Green, "no sign of collapse"
	case signal.Level == metric.Watch:
		v.light, v.note = show.Amber, signal.String()
	default:
		v.light, v.note = show.Red, signal.String()
	}
}
