package show

import (
	"image"
	"time"
)

// drawn hands the card of a Live to a function.
type drawn struct {
	draw func(card image.Image, text string, last bool) error
	pace pace
	note string // the last drawn
}

func (d *drawn) due(now time.Time) bool { return d.pace.due(now) }

func (d *drawn) update(l *Live, now time.Time) error {
	if !d.pace.due(now) && l.frame.Note == d.note { // after a new note there may be nothing more to show
		return nil
	}
	d.note = l.frame.Note
	err := d.send(l, now, false)
	d.pace.mark(now, l.o.Now())
	return err
}

func (d *drawn) end(l *Live, now time.Time) error { return d.send(l, now, true) }

func (d *drawn) send(l *Live, now time.Time, last bool) error {
	img, err := l.card(now)
	if err != nil {
		return err
	}
	return d.draw(img, l.words(now), last)
}
