package kernel

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

// cellLines matches a place in a file that GoNB made of cells, as stack traces name it.
var cellLines = regexp.MustCompile(`/[^\s:]*/gonb_[0-9a-f]+/(main(?:_test)?\.go):(\d+)`)

// annotated puts the cell and line in front of each such place in what a program printed on stderr, in GoNB's own form:
// programs print traces without failing, too.
func (r *report) annotated(text []byte) []byte {
	if !bytes.Contains(text, []byte(".go:")) {
		return text
	}
	return cellLines.ReplaceAllFunc(text, func(place []byte) []byte {
		found := cellLines.FindSubmatch(place)
		line, err := strconv.Atoi(string(found[2]))
		if err != nil {
			return place
		}
		at := r.locate(string(found[1]), line, 0)
		if at.source == nil {
			return place
		}
		cell := "Cell"
		if at.source.number > 0 {
			cell = fmt.Sprintf("Cell [%d]", at.source.number)
		}
		return fmt.Appendf(nil, " \x1b[7m[[ %s Line %d ]]\x1b[0m %s", cell, at.line+1, place)
	})
}
