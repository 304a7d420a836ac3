package golang

import "testing"

func TestIsComplete(t *testing.T) {
	for _, test := range []struct{ code, status, indent, why string }{
		{"", "complete", "", "nothing"},
		{"func f() int { return 1 }", "complete", "", "a declaration"},
		{"import \"fmt\"\n\nvar x = 1", "complete", "", "declarations"},
		{"package main\nvar x = 1", "complete", "", "a package clause is left out by GoNB"},
		{"%%\nx := 1\nfmt.Println(x)", "complete", "", "statements below %%"},
		{"%% --steps 3\nx := 1", "complete", "", "%% with arguments"},
		{"%main\nx := 1", "complete", "", "%main"},
		{"%runs", "complete", "", "a command"},
		{"fmt.Println?", "complete", "", "a question"},
		{"!ls -l", "complete", "", "a shell line"},
		{"!ls\nvar x = 1\n%goflags", "complete", "", "a mixture"},
		{"//gonb:%%\nprintln(1)", "complete", "", "a command behind a comment"},
		{"%%bash\necho hi\n", "complete", "", "a cell of a shell, ended by an empty line"},
		{"%%\nfor {\n}\n// end", "complete", "", "a comment at the end"},
		{"func f() {", "incomplete", "\t", "an open block"},
		{"func f() {\n\tif x {", "incomplete", "\t\t", "two open blocks"},
		{"%%\nfor i := range 3 {", "incomplete", "\t", "an open block below %%; main's own does not count"},
		{"%%", "incomplete", "", "the body of main is to come"},
		{"%%\nx := f(1,", "incomplete", "\t", "an open call"},
		{"%%\nx :=", "incomplete", "", "a value is to come"},
		{"%%\ny := x +", "incomplete", "", "an operand is to come"},
		{"var x = ", "incomplete", "", "a value is to come"},
		{"var x = []int{\n\t1,", "incomplete", "\t", "an open literal"},
		{"func f() int", "complete", "", "Go takes a function without a body"},
		{"%%\ns := `one\ntwo {", "incomplete", "", "a raw string goes on"},
		{"/* a comment", "incomplete", "", "a comment goes on"},
		{"!ls \\", "incomplete", "", "a shell line goes on"},
		{"%%bash\necho hi", "incomplete", "", "a cell of a shell goes on until an empty line"},
		{"%%writefile x.go\nfunc {", "incomplete", "", "what is written is nobody's Go"},
		{"func f() { ) }", "invalid", "", "a bracket that closes nothing"},
		{"func f() {}}", "invalid", "", "a bracket too many"},
		{"%%\n}", "invalid", "", "main's own bracket is not the cell's to close"},
		{"%%\nx := := 2\ny := 1", "invalid", "", "a mistake before the end"},
		{"%%\nx = = {", "invalid", "", "a mistake before an open block"},
		{"x := 1\nfmt.Println(x)", "complete", "", "statements without a main"},
		{"for i := range 3 {", "incomplete", "\t", "an open statement without a main"},
		{"import \"fmt\"\nfmt.Println(", "incomplete", "\t", "an open call behind a declaration"},
		{"x = = 1\ny", "invalid", "", "a mistake in statements without a main"},
		{"func 1f() {}", "invalid", "", "no name"},
		{"%%\ns := \"one\ntwo\"", "invalid", "", "a string does not go on"},
	} {
		if status, indent := Completeness(test.code); status != test.status || indent != test.indent {
			t.Errorf("%s: %q is %s (indent %q), want %s (%q)", test.why, test.code, status, indent, test.status, test.indent)
		}
	}
}
