package show

import (
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	lineEvery   = 10 * time.Second
	sampleEvery = 15 * time.Second
)

// terminal writes a Live as text, and pictures into a folder.
type terminal struct {
	out     io.Writer
	bar     *progressbar.ProgressBar // nil: lines
	text    pace
	dir     string
	samples pace
	saved   int // step of the last samples in dir
}

func newTerminal(o LiveOptions, bar bool) *terminal {
	t := &terminal{out: o.Out, dir: o.Dir, text: pace{every: lineEvery}, samples: pace{every: sampleEvery}}
	if !bar {
		return t
	}
	t.text.every = o.Every
	total := o.Total
	if total <= 0 {
		total = -1 // a spinner
	}
	t.bar = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(o.Out),
		progressbar.OptionSetWidth(16),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetRenderBlankState(false),
	)
	return t
}

// isTerminal tells whether a person reads w as it is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (t *terminal) due(now time.Time) bool { return t.dir != "" && t.samples.due(now) }

func (t *terminal) update(l *Live, now time.Time) error {
	if t.text.due(now) {
		if err := t.write(l, now); err != nil {
			return err
		}
		t.text.mark(now, l.o.Now())
	}
	if l.frame.Samples == nil && l.frame.Picture == nil || !t.due(now) {
		return nil
	}
	err := t.saveSamples(l)
	t.samples.mark(now, l.o.Now())
	return err
}

func (t *terminal) end(l *Live, now time.Time) error {
	if err := t.write(l, now); err != nil {
		return err
	}
	if t.bar != nil {
		if _, err := fmt.Fprintln(t.out); err != nil {
			return err
		}
	}
	if t.dir == "" {
		return nil
	}
	if (l.samples != nil || l.picture != nil) && (l.drawnAt != t.saved || !t.samples.begun) {
		if err := t.saveSamples(l); err != nil {
			return err
		}
	}
	p := l.numberPlot()
	p.Title = l.o.Title
	img, err := CurvesImage(p)
	if err != nil {
		return err
	}
	return t.save("losses.png", img)
}

// write writes the state as a bar or a line.
func (t *terminal) write(l *Live, now time.Time) error {
	if t.bar == nil {
		parts := slices.Concat([]string{l.step()}, l.numbers(), l.speed(now), l.remark())
		if l.o.Title != "" {
			parts[0] = l.o.Title + ": " + parts[0]
		}
		if l.frame.Note != "" && l.frame.Light != Unlit && l.frame.Light != Green { // good news is no news
			parts = append(parts, l.frame.Note)
		}
		_, err := fmt.Fprintln(t.out, strings.Join(parts, " · "))
		return err
	}
	if !t.text.begun && l.o.Title != "" {
		if _, err := fmt.Fprintln(t.out, l.o.Title); err != nil {
			return err
		}
	}
	description := l.numbers()
	if speed := l.speed(now); len(speed) > 0 { // the bar counts steps, and 80 columns have room for the last only
		description = append(description, speed[len(speed)-1])
	}
	t.bar.Describe(strings.Join(description, " · "))
	step := l.frame.Step
	if l.o.Total > 0 {
		step = min(step, l.o.Total) // more would be an error
	}
	return t.bar.Set(max(step, 0))
}

func (t *terminal) saveSamples(l *Live) error {
	img := l.picture
	if img == nil {
		var err error
		if img, err = GridImage(*l.samples, GridOptions{Columns: l.columns}); err != nil {
			return err
		}
	}
	t.saved = l.drawnAt
	return t.save(fmt.Sprintf("samples-%06d.png", l.drawnAt), img)
}

func (t *terminal) save(name string, img image.Image) error {
	if err := os.MkdirAll(t.dir, 0o755); err != nil {
		return err
	}
	return SavePNG(filepath.Join(t.dir, name), img)
}
