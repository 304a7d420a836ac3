package lab_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// TestShowRun shows a run as a cell's last value: new, after training, and ended.
func TestShowRun(t *testing.T) {
	runs(t)
	p := plan{Name: "shown", Backend: "go"}
	r := p.open(t)
	check := func(what string, pictures int, wants ...string) {
		t.Helper()
		shown := r.ShowValue()
		text, page := shown["text/plain"].(string), shown["text/html"].(string)
		for _, want := range append(wants, r.Dir(), "run shown") {
			if !strings.Contains(text, want) || !strings.Contains(page, want) {
				t.Errorf("%s: the run does not show %q:\n%s", what, want, text)
			}
		}
		if n := strings.Count(page, "data:image/png;base64,iVBOR"); n != pictures {
			t.Errorf("%s: %d pictures, want %d", what, n, pictures)
		}
		for d := xml.NewDecoder(strings.NewReader("<div>" + page + "</div>")); ; {
			if _, err := d.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("%s: HTML is not well-formed: %v", what, err)
			}
		}
	}
	drawn := func() { // compiled, so that the next is in time
		t.Helper()
		if _, err := r.Picture(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	drawn()
	check("new", 1, "paused", "step 0", "batch size", "non-saturating", "ring")
	if err := r.Train(30); err != nil {
		t.Fatal(err)
	}
	if err := r.Checkpoint(); err != nil { // which writes the history too
		t.Fatal(err)
	}
	drawn()
	check("trained", 2, "step 30", "trained for", "checkpoint")
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	check("ended", 1, "ended", "step 30")
}
