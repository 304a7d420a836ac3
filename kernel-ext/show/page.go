package show

import (
	"fmt"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Page is a piece of HTML that replaces itself as it changes. Outside a notebook it shows nothing.
type Page struct {
	id   string
	last string
}

// NewPage returns a page at this place of the cell's output. Nothing is there until Show.
func NewPage() *Page {
	if !gonbui.IsNotebook {
		return &Page{}
	}
	return &Page{id: "page-" + gonbui.UniqueId()}
}

// Show puts html in the place of what the page showed, with text for readers that show no HTML. What has not changed is not sent. It fails when
// the notebook cannot be reached.
func (p *Page) Show(html, text string) error {
	if p.id == "" || html == p.last {
		return nil
	}
	p.last = html
	gonbui.SendData(&protocol.DisplayData{
		Data:      map[protocol.MIMEType]any{protocol.MIMETextHTML: html, protocol.MIMETextPlain: text},
		DisplayID: p.id,
	})
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("show: notebook: %w", err)
	}
	return nil
}

// Done waits until the notebook has what was shown.
func (p *Page) Done() error {
	if p.id == "" {
		return nil
	}
	return flush(flushTime)
}
