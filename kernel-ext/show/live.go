package show

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"gantry.local/gan/sample"
)

// LiveOptions describe a run to follow. The zero value will do.
type LiveOptions struct {
	Title string
	Total int              // steps of the run; 0: not known
	Every time.Duration    // at least so long between redraws; 0: 250 ms
	Dir   string           // where pictures go outside a notebook, made if missing; "": nowhere
	Out   io.Writer        // where text goes outside a notebook; nil: os.Stderr
	Now   func() time.Time // nil: time.Now

	// Draw, where it is set, takes the card in the place of the notebook or terminal: two pixels of the picture to one of the
	// screen, with the same in words. last is true for that of Done.
	Draw func(card image.Image, text string, last bool) error
}

// Frame is the state of a run after a step.
type Frame struct {
	Step    int
	Numbers []Number       // a curve each; what is missing, NaN or ±Inf shows as a gap
	Aside   []Number       // said among the figures, and not drawn: on the axis of the curves they would be lost
	Samples *sample.Images // from the same latents each time, not changed later; nil: as before
	Columns int            // of Samples; 0: up to 10, as there is room

	// Picture takes the place of Samples where those are no pictures: PointsImage's, LinesImage's or TextsImage's, two pixels
	// to one of the screen. Room is the size that fits best, and each should be as large as the one before.
	Picture image.Image

	Note   string // a line under the figures; "": none
	Light  Light  // in front of Note
	Remark string // after the figures, such as why training stands still; "": none
}

// Number is a number of a step, such as a "critic loss".
type Number struct {
	Name  string
	Value float64
}

// Room is the side, in pixels of the screen, of a Picture that is as high as a Live's curves.
const Room = bodyHeight - captionHeight

// Light is a coloured spot that tells at a glance how things are. The zero value is none.
type Light uint8

// The lights. Unlit is a grey one, when nothing can be told yet.
const (
	NoLight Light = iota
	Unlit
	Green
	Amber
	Red
)

// Live shows a training run while it goes on. In a notebook it is one card, redrawn in place: title, step, speed, time
// left, loss curves and samples; what the notebook stores is the last card alone. In a terminal it is a progress bar,
// and where text goes to a file, a line every 10 s; both save samples as LiveOptions.Dir/samples-000100.png, at most
// every 15 s, and in the end losses.png.
//
// A redraw takes its time from the training, so the pause between two is also 33 times what the last one took, up to 10 s.
// Curves hold at most MostPoints points, each the mean of as many consecutive frames, before a band from the least of them to the
// greatest. A Live is for one goroutine.
type Live struct {
	o       LiveOptions
	screen  screen
	start   time.Time
	frame   Frame          // the last
	samples *sample.Images // the last given, in so many
	columns int            // columns, or
	picture image.Image    // the last given, at
	drawnAt int            // step
	noted   bool           // there was a note: its room stays, so that the card does not jump
	history History
	rate    rate
	begun   bool // there was a frame
	done    bool
}

// screen is where a Live is drawn.
type screen interface {
	due(now time.Time) bool // whether new samples would be drawn now
	update(l *Live, now time.Time) error
	end(l *Live, now time.Time) error
}

// NewLive starts to follow a run. Nothing is drawn before the first Update.
func NewLive(o LiveOptions) *Live {
	if o.Every <= 0 {
		o.Every = 250 * time.Millisecond
	}
	if o.Out == nil {
		o.Out = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Live{o: o, start: o.Now()}
	if o.Draw != nil {
		l.screen = &drawn{draw: o.Draw, pace: pace{every: o.Every}}
	} else if gonbui.IsNotebook {
		l.screen = &notebook{id: "live-" + gonbui.UniqueId(), pace: pace{every: o.Every}}
	} else {
		l.screen = newTerminal(o, isTerminal(o.Out))
	}
	return l
}

// Due tells whether Update would draw samples now; if not, there is no need to make any. It is always false where
// samples go nowhere: outside a notebook without LiveOptions.Dir.
func (l *Live) Due() bool { return !l.done && l.screen.due(l.o.Now()) }

// Update records a frame and redraws if it is time. Another frame of the same step changes samples, note and remark, and adds
// no point to the curves. It fails when Samples are malformed, or Picture has no pixels or over 4000 each way, when the
// notebook cannot be reached or a file cannot be written, and after Done.
func (l *Live) Update(f Frame) error {
	now := l.o.Now()
	if err := l.record(f, now); err != nil {
		return err
	}
	return l.screen.update(l, now)
}

// End is Update with the last frame and Done in one: it is drawn once.
func (l *Live) End(f Frame) error { return errors.Join(l.record(f, l.o.Now()), l.Done()) }

// record makes a frame the last.
func (l *Live) record(f Frame, now time.Time) error {
	if l.done {
		return errors.New("show: Update after Done")
	}
	if f.Samples != nil {
		samples, err := pictures(*f.Samples)
		if err != nil {
			return err
		}
		if f.Columns < 0 {
			return fmt.Errorf("show: samples in %d columns", f.Columns)
		}
		l.samples, l.columns, l.picture, l.drawnAt = &samples, f.Columns, nil, f.Step
	}
	if f.Picture != nil {
		if size := f.Picture.Bounds().Size(); min(size.X, size.Y) < 1 || max(size.X, size.Y) > 4000 {
			return fmt.Errorf("show: a picture of %d×%d pixels does not go into the card", size.X, size.Y)
		}
		l.samples, l.picture, l.drawnAt = nil, f.Picture, f.Step
	}
	l.noted = l.noted || f.Note != "" || f.Light != NoLight
	if !l.begun || f.Step != l.frame.Step {
		l.history.Add(f.Step, f.Numbers...)
	}
	l.frame, l.begun = f, true
	l.rate.add(now, f.Step)
	return nil
}

// Recall adds a step to the curves that was made before this Live began. It draws nothing, and does not count for the
// speed.
func (l *Live) Recall(step int, numbers ...Number) { l.history.Add(step, numbers...) }

// RecallStretch is Recall of many steps at once.
func (l *Live) RecallStretch(s Stretch) { l.history.AddStretch(s) }

// Forget empties the curves, for a run that went back.
func (l *Live) Forget() { l.history = History{} }

// SetTotal changes the step at which the run will end.
func (l *Live) SetTotal(steps int) { l.o.Total = steps }

// Done draws the last state and waits until the notebook has it. Without a frame there is nothing to draw; a second
// call does nothing. It fails as Update does.
func (l *Live) Done() error {
	if l.done {
		return nil
	}
	l.done = true
	if !l.begun {
		return nil
	}
	return l.screen.end(l, l.o.Now())
}

// step is the step in words.
func (l *Live) step() string {
	if l.o.Total > 0 {
		return fmt.Sprintf("step %d of %d", l.frame.Step, l.o.Total)
	}
	return fmt.Sprintf("step %d", l.frame.Step)
}

// speed is the pace of the run and, by it, the time left, or in the end the time it took.
func (l *Live) speed(now time.Time) []string {
	var parts []string
	rate := l.rate.recent()
	if l.done {
		rate = l.rate.overall()
	}
	if rate > 0 {
		parts = append(parts, perSecond(rate))
	}
	left := l.o.Total - l.frame.Step
	switch {
	case l.done:
		parts = append(parts, "ended after "+duration(now.Sub(l.start)))
	case rate > 0 && left > 0:
		parts = append(parts, duration(time.Duration(float64(left)/rate*float64(time.Second)))+" left")
	}
	return parts
}

// status is the whole state on a line.
func (l *Live) status(now time.Time) string {
	var aside []string
	for _, n := range l.frame.Aside {
		aside = append(aside, inWords(n))
	}
	return strings.Join(slices.Concat([]string{l.step()}, l.speed(now), aside, l.remark()), " · ")
}

// remark is the remark, if there is one.
func (l *Live) remark() []string {
	if l.frame.Remark == "" {
		return nil
	}
	return []string{l.frame.Remark}
}

// words are what the card says.
func (l *Live) words(now time.Time) string {
	words := []string{l.o.Title, l.status(now)} // what stands aside included
	for _, n := range l.frame.Numbers {
		words = append(words, inWords(n))
	}
	if l.frame.Note != "" {
		words = append(words, l.frame.Note)
	}
	return strings.Join(words, " · ")
}

// numbers are the last numbers in words. Of a loss its network's name will do.
func (l *Live) numbers() (words []string) {
	for _, n := range slices.Concat(l.frame.Numbers, l.frame.Aside) {
		words = append(words, inWords(n))
	}
	return words
}

func inWords(n Number) string { return strings.TrimSuffix(n.Name, " loss") + " " + short(n.Value) }

// pace says when something is to be done again.
type pace struct {
	every time.Duration
	last  time.Time
	cost  time.Duration // of the last time
	begun bool
}

func (p *pace) due(now time.Time) bool {
	return !p.begun || now.Sub(p.last) >= max(p.every, min(rest*p.cost, longestRest))
}

// rest is how many times as long as something took nothing of the kind is done again, so that it takes at most 3 % of the time.
// A picture that stands still for longer than longestRest is of no use, whatever the next one costs.
const (
	rest        = 33
	longestRest = 10 * time.Second
)

// mark notes that it was done from start to end.
func (p *pace) mark(start, end time.Time) {
	p.last, p.cost, p.begun = end, end.Sub(start), true
}
