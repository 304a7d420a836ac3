package show

import (
	"image"
	"time"
)

// drawn hands the card of a Live to a function.
type drawn struct {
	draw func(card image.Image, text string, last bool) error
	pace pace
	said string // the note and the remark last drawn
}

func (d *drawn) due(now time.Time) bool { return d.pace.due(now) }

func (d *drawn) update(l *Live, now time.Time) error {
	said := l.frame.Note + "\n" + l.frame.Remark
	if !d.pace.due(now) && said == d.said { // after new words there may be nothing more to show
		return nil
	}
	d.said = said
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
