package gantest

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// WellFormed fails a test whose HTML is no well-formed tree of elements, or has a script.
func WellFormed(t testing.TB, page string) {
	t.Helper()
	if strings.Contains(page, "<script") {
		t.Errorf("a script gets through: %s", page)
	}
	for d := xml.NewDecoder(strings.NewReader("<div>" + page + "</div>")); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("HTML is not well-formed: %v\n%s", err, page)
			return
		}
	}
}
