package lastwords

import (
	"strings"
	"testing"
)

func TestTheLastLineIsKept(t *testing.T) {
	for name, test := range map[string]struct {
		pieces []string
		want   string
	}{
		"nothing": {nil, ""}, "space": {[]string{" \n", "\n"}, ""}, "one line": {[]string{"all is lost"}, "all is lost"},
		"in pieces":       {[]string{"first\nal", "l is", " lost \n", "\n \n"}, "all is lost"},
		"behind much":     {[]string{strings.Repeat("x", 3*kept) + "\nlost"}, "lost"},
		"longer than all": {[]string{"a", strings.Repeat("x", kept-1), "yz"}, strings.Repeat("x", kept-2) + "yz"},
	} {
		var said Tail
		for _, piece := range test.pieces {
			if n, err := said.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Errorf("%s: %d of %d bytes, %v", name, n, len(piece), err)
			}
		}
		if got := said.Line(); got != test.want {
			t.Errorf("%s: %.80q, want %.80q", name, got, test.want)
		}
	}
}
