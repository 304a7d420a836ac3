package kernel

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// cellText is a cell taken apart as GoNB does it: lines of Go, and lines for GoNB or a shell.
type cellText struct {
	lines   []string
	magic   string       // the command of a cell that holds no Go, such as %%bash; empty: it holds Go
	special map[int]bool // lines that are not Go: %command, !shell, and what a \ at their end draws in
	main    int          // the line, %% or %main, below which the body of main begins; -1: there is none
	empty   map[int]bool // those of a command that says nothing but its name, or not even that
	bare    place        // where statements begin that no main is around, see bareStatements; line -1: nowhere
	open    bool         // the last line is a command that ends in \ and so goes on
}

// cellMagics are the commands on a cell's first line that take the whole cell.
func cellMagics() []string { return []string{"%%writefile", "%%script", "%%bash", "%%sh", "%%gx"} }

// commentPrefix may stand in front of a command, for editors that read the notebook as plain Go.
const commentPrefix = "//gonb:"

func readCell(code string) cellText {
	t := cellText{lines: strings.Split(code, "\n"), special: map[int]bool{}, empty: map[int]bool{}, main: -1, bare: place{line: -1}}
	first := strings.Fields(strings.TrimPrefix(t.lines[0], commentPrefix))
	if len(first) > 0 && slices.Contains(cellMagics(), first[0]) {
		t.magic = first[0]
		t.empty[0] = len(first) == 1 // its first line says nothing more
		return t
	}
	for i := 0; i < len(t.lines); i++ {
		line := strings.TrimPrefix(t.lines[i], commentPrefix)
		if len(line) < 2 || line[0] != '%' && line[0] != '!' {
			continue
		}
		if t.main < 0 && isMain(line) {
			t.main = i
		}
		from, said := i, strings.TrimSuffix(line[1:], `\`)
		for t.open = strings.HasSuffix(line, `\`); t.open && i+1 < len(t.lines); {
			i++
			t.open = strings.HasSuffix(t.lines[i], `\`)
			said += strings.TrimSuffix(strings.TrimPrefix(t.lines[i], commentPrefix), `\`)
		}
		for l := from; l <= i; l++ {
			t.special[l] = true
			t.empty[l] = strings.Trim(said, " \t") == ""
		}
	}
	if t.main < 0 && !t.has("%exec") && !t.has("%test") && !t.has("%wasm") {
		t.bare = t.bareStatements()
	}
	return t
}

// bareStatements finds where the declarations of a cell end and statements begin that GoNB would reject, because they
// are in no function: this kernel makes them the body of main, as below a line %%.
func (t cellText) bareStatements() place {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", t.program("package main"), parser.SkipObjectResolution)
	var found scanner.ErrorList
	nowhere := place{line: -1}
	if !errors.As(err, &found) || len(found) == 0 || !strings.HasPrefix(found[0].Msg, "expected declaration") &&
		!strings.HasPrefix(found[0].Msg, "non-declaration statement") {
		return nowhere
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" {
			return nowhere // there is one
		}
	}
	return place{found[0].Pos.Line - 2, found[0].Pos.Column - 1}
}

func isMain(line string) bool {
	rest, ok := strings.CutPrefix(line, "%%")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t') || strings.HasPrefix(line, "%main")
}

// command returns the command on a line that is not Go, and its arguments; empty: there is none.
func (t cellText) command(i int) (name, arguments string) {
	if !t.special[i] {
		return "", ""
	}
	name, arguments, _ = strings.Cut(strings.TrimPrefix(t.lines[i], commentPrefix), " ")
	return name, strings.TrimSpace(arguments)
}

// has tells whether one of the cell's commands is name.
func (t cellText) has(name string) bool {
	for i := range t.special {
		if found, _ := t.command(i); found == name {
			return true
		}
	}
	return false
}

const (
	mainBegin = "func main() {"
	mainEnd   = "\n}\n" // behind the last line of a cell
)

// goLine is a line of the cell as Go. Only lines of Go keep their columns, except that a main begins in front of bare
// statements, see inProgram.
func (t cellText) goLine(i int) string {
	line := t.lines[i]
	switch {
	case i == t.main:
		return mainBegin
	case t.special[i] || strings.HasPrefix(line, "package"): // GoNB writes the package clause
		return ""
	case i == t.bare.line:
		return line[:t.bare.column] + mainBegin + line[t.bare.column:]
	}
	return line
}

// hasMain tells whether the cell has a body of main that ends with the cell.
func (t cellText) hasMain() bool { return t.main >= 0 || t.bare.line >= 0 }

// program is the cell as a Go file: head, which is one line, then each line of the cell on a line of its own.
func (t cellText) program(head string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := range t.lines {
		b.WriteByte('\n')
		b.WriteString(t.goLine(i))
	}
	if t.hasMain() {
		b.WriteString(mainEnd)
	}
	return b.String()
}

// inProgram returns where a place of the cell is in program, counted from 0 like the place.
func (t cellText) inProgram(at place) place {
	if at.line == t.bare.line && at.column >= t.bare.column {
		at.column += len(mainBegin)
	}
	at.line++
	return at
}

// inCell is the inverse of inProgram.
func (t cellText) inCell(at place) place {
	at.line--
	if at.line == t.bare.line && at.column > t.bare.column {
		at.column = max(t.bare.column, at.column-len(mainBegin))
	}
	return at
}
