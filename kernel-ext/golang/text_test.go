package golang

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestCellsOfAllKinds puts cells together from pieces, most of them no Go at all: whatever a front-end sends while a
// person types must be read without harm, and lines and places must stay what they are.
func TestCellsOfAllKinds(t *testing.T) {
	pieces := []string{"%%", "%%bash", "%main", "%time", "%test", "!ls", "!", "%", `\`, "//gonb:", "package main", "import \"fmt\"",
		"func main() {", "func f(a int) int {", "}", "{", "(", ")", "[", "]", "\n", "\n", "\n", "\t", " ", ";", "x", ":=", "=", "1", "+", ",", "🙂",
		"é", "`", "\"", "'", "/*", "*/", "//", "var", "type", "T", "struct", ".", "fmt.Println(", "?", "\x00", "\xff", "len(", "<-", "return"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range random.IntN(12) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		code := b.String()
		cell := Read(code)
		if strings.Join(cell.Lines, "\n") != code {
			t.Fatalf("%q is read as %q", code, cell.Lines)
		}
		status, _ := Completeness(code)
		if status != "complete" && status != "incomplete" && status != "invalid" {
			t.Fatalf("%q is %q", code, status)
		}
		lines := strings.Count(code, "\n")
		if program := cell.Program("package main"); strings.Count(program, "\n") < lines+1 {
			t.Fatalf("%q has the program %q", code, program)
		}
		at := cell.At(random.IntN(20) - 1)
		for _, p := range append(cell.inspectable(at), at) {
			if p.Line < 0 || p.Line >= len(cell.Lines) || p.Column < 0 || p.Column > len(cell.Lines[p.Line]) {
				t.Fatalf("%q has the place %v", code, p)
			}
		}
		if back := cell.inCell(cell.inProgram(at)); back != at {
			t.Fatalf("%q: %v comes back from the program as %v", code, at, back)
		}
		Question(code)
	}
}

func TestUTF16Columns(t *testing.T) {
	const line = "aé🙂z"
	for bytes, units := range map[int]int{0: 0, 1: 1, 3: 2, 7: 4, 8: 5} {
		if got := utf16Column(line, bytes); got != units {
			t.Errorf("byte %d is unit %d, want %d", bytes, got, units)
		}
		if got := byteColumn(line, units); got != bytes {
			t.Errorf("unit %d is byte %d, want %d", units, got, bytes)
		}
	}
}
