package widget

import "errors"

// errLocal is why a widget is not kept by a notebook whose variables live on from cell to cell: its callbacks and its
// connection to the page are those of one process.
var errLocal = errors.New("a widget, which ends with the cell that made it: build it by widget.Host, whose process lives on, " +
	"or make it again in the cell that uses it")

// Kept tells a notebook that widgets, and the UI they belong to, are not kept between two cells.
func (ui *UI) Kept() (any, error) { return nil, errLocal }

// Kept does so for a single widget.
func (m *model) Kept() (any, error) { return nil, errLocal }
