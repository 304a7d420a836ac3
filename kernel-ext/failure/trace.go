package failure

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

// cellLines matches a place in a file that GoNB made of cells, as stack traces name it.
var cellLines = regexp.MustCompile(`/[^\s:]*/gonb_[0-9a-f]+/(main(?:_test)?\.go):(\d+)`)

// Annotate puts the cell and line in front of each such place in what a program printed on stderr, in GoNB's own form:
// programs print traces without failing, too.
func (r *Report) Annotate(text []byte) []byte {
	if !bytes.Contains(text, []byte(".go:")) {
		return text
	}
	return cellLines.ReplaceAllFunc(text, func(place []byte) []byte {
		found := cellLines.FindSubmatch(place)
		line, err := strconv.Atoi(string(found[2]))
		if err != nil {
			return place
		}
		if string(found[1]) != r.File {
			return place
		}
		at := r.locate(line)
		if at.source == nil {
			return place
		}
		cell := "Cell"
		if at.source.Number > 0 {
			cell = fmt.Sprintf("Cell [%d]", at.source.Number)
		}
		return fmt.Appendf(nil, " \x1b[7m[[ %s Line %d ]]\x1b[0m %s", cell, at.line+1, place)
	})
}
