package table

import "testing"

// TestTable compares a table with what it should be, as text and as HTML.
func TestTable(t *testing.T) {
	whole := Table{Title: "<a>", Heads: []string{"layer", "numbers"}, Rows: [][]string{{"dense & more", "12"}, {"é"}}, Sum: []string{"sum", "12"}, Words: 1, Remark: "it's all"}
	want := "<a>\nlayer         numbers\ndense & more       12\né\nsum                12\nit's all\n"
	if got := whole.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	left, right := ` style="text-align:left;vertical-align:top">`, ` style="text-align:right;vertical-align:top">`
	want = "<div><strong>&lt;a&gt;</strong></div><table><thead><tr><th" + left + "layer</th><th" + right + "numbers</th></tr></thead><tbody>" +
		"<tr><td" + left + "dense &amp; more</td><td" + right + "12</td></tr><tr><td" + left + "é</td><td" + right + "</td></tr>" +
		"<tr><th" + left + "sum</th><th" + right + `12</th></tr></tbody></table><div style="opacity:0.7">it&#39;s all</div>`
	if got := whole.HTML(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	facts := Table{Heads: []string{"", ""}, Rows: [][]string{{"size", "3"}}, Words: 2}
	if got := facts.String(); got != "size  3\n" {
		t.Errorf("without heads: %q", got)
	}
}

// TestAmounts wants numbers as a person reads them.
func TestAmounts(t *testing.T) {
	for want, got := range map[string]string{
		"0": Count(0), "999": Count(999), "1 000": Count(1000), "-12 345 678": Count(-12345678),
		"0 B": Amount(0, "B"), "999 B": Amount(999, "B"), "1 kB": Amount(999.6, "B"), "1.28 GFLOP": Amount(1.28e9, "FLOP"), "28×28": Shape(28, 28), "": Shape(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
