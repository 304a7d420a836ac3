package golang

import "testing"

// FuzzCode gives the code and the cursor of what front-ends ask about cells, up to where gopls is asked.
func FuzzCode(f *testing.F) {
	for _, code := range []string{"", "%%\nprintln(\"hello\")", "%%\nfmt.Println(1)", "?x", "%help\n%time", "!echo\\", "x := `", "/*", "//line x:7\nx := 1\nx", "é😀\r\n%%\r", "f(", ")}", "1 +\n", "\x00"} {
		f.Add(code, 0)
		f.Add(code, 3)
		f.Add(code, -1)
		f.Add(code, 1<<40)
	}
	f.Fuzz(func(t *testing.T, code string, cursor int) {
		Completeness(code)
		Question(code)
		cell := Read(code)
		at := cell.At(cursor)
		_ = cell.Lines[at.Line][:at.Column]
		for _, at := range cell.inspectable(at) {
			utf16Column(cell.goLine(at.Line), cell.inProgram(at).Column)
		}
	})
}
