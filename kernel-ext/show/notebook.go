package show

import (
	"fmt"
	"image/png"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// notebook draws a Live as one picture that replaces itself. A picture, rather than HTML around one, is swapped by
// JupyterLab without flicker and is kept by every export.
type notebook struct {
	id   string
	pace pace
}

func (n *notebook) due(now time.Time) bool { return n.pace.due(now) }

func (n *notebook) update(l *Live, now time.Time) error {
	if !n.pace.due(now) {
		return nil
	}
	err := n.draw(l, now, png.BestSpeed)
	n.pace.mark(now, l.o.Now())
	return err
}

func (n *notebook) end(l *Live, now time.Time) error {
	if err := n.draw(l, now, png.DefaultCompression); err != nil {
		return err
	}
	return flush(flushTime)
}

func (n *notebook) draw(l *Live, now time.Time, level png.CompressionLevel) error {
	img, err := l.card(now)
	if err != nil {
		return err
	}
	return send(img, density, level, n.id, l.words(now))
}

const flushTime = 10 * time.Second

// flush waits until the notebook has all that was sent, or for patience; gonbui alone would wait for ever on a kernel
// that is gone.
func flush(patience time.Duration) error {
	done := make(chan struct{})
	go func() {
		gonbui.Sync()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
		return fmt.Errorf("show: the notebook did not answer within %v; the last picture may be missing", patience)
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("show: notebook: %w", err)
	}
	return nil
}
