package golang

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// Text is a cell's text, taken apart as GoNB does it into lines of Go and lines for GoNB or a shell, and parsed once.
type Text struct {
	Lines []string
	Magic string // the command of a cell that holds no Go, such as %%bash; empty: it holds Go

	special map[int]bool // lines that are not Go: %command, !shell, and what a \ at their end draws in
	main    int          // the line, %% or %main, below which the body of main begins; -1: there is none
	empty   map[int]bool // those of a command that says nothing but its name, or not even that
	bare    Place        // where statements begin that no main is around, see bareStatements; line -1: nowhere
	open    bool         // the last line is a command that ends in \ and so goes on

	source string         // the cell as a Go file, see Program
	files  *token.FileSet // of that
	file   *ast.File      // as far as it parses
	err    error          // why it does not parse to its end
}

// cellMagics are the commands on a cell's first line that take the whole cell.
func cellMagics() []string { return []string{"%%writefile", "%%script", "%%bash", "%%sh", "%%gx"} }

// CommentPrefix may stand in front of a command, for editors that read the notebook as plain Go.
const CommentPrefix = "//gonb:"

// Read reads a cell. Any text is one.
func Read(code string) *Text {
	t := &Text{
		Lines: strings.Split(code, "\n"), special: map[int]bool{}, empty: map[int]bool{}, main: -1, bare: Place{Line: -1},
		files: token.NewFileSet(), file: &ast.File{},
	}
	first := strings.Fields(strings.TrimPrefix(t.Lines[0], CommentPrefix))
	if len(first) > 0 && slices.Contains(cellMagics(), first[0]) {
		t.Magic = first[0]
		t.empty[0] = len(first) == 1 // its first line says nothing more
		return t
	}
	t.readCommands()
	t.parse()
	if t.main < 0 && !t.Has("%exec") && !t.Has("%test") && !t.Has("%wasm") {
		if t.bare = t.bareStatements(); t.bare.Line >= 0 {
			t.parse()
		}
	}
	return t
}

// readCommands finds the lines that are not Go.
func (t *Text) readCommands() {
	for i := 0; i < len(t.Lines); i++ {
		line := strings.TrimPrefix(t.Lines[i], CommentPrefix)
		if len(line) < 2 || line[0] != '%' && line[0] != '!' {
			continue
		}
		if t.main < 0 && isMain(line) {
			t.main = i
		}
		from, said := i, strings.TrimSuffix(line[1:], `\`)
		for t.open = strings.HasSuffix(line, `\`); t.open && i+1 < len(t.Lines); {
			i++
			t.open = strings.HasSuffix(t.Lines[i], `\`)
			said += strings.TrimSuffix(strings.TrimPrefix(t.Lines[i], CommentPrefix), `\`)
		}
		for l := from; l <= i; l++ {
			t.special[l] = true
			t.empty[l] = strings.Trim(said, " \t") == ""
		}
	}
}

// parse reads the Go in the cell.
func (t *Text) parse() {
	t.source = t.Program("package main")
	t.file, t.err = parser.ParseFile(t.files, "", t.source, parser.ParseComments)
}

// offset is where in the source something is that was parsed, whatever //line comments say.
func (t *Text) offset(at token.Pos) int { return t.files.PositionFor(at, false).Offset }

// position is where in the cell it is.
func (t *Text) position(at token.Pos) Place { return t.inCell(placeOf(t.source, t.offset(at))) }

// bareStatements finds where the declarations of a cell end and statements begin that GoNB would reject, because they
// are in no function: they become the body of main, as below a line %%.
func (t *Text) bareStatements() Place {
	var found scanner.ErrorList
	nowhere := Place{Line: -1}
	if !errors.As(t.err, &found) || len(found) == 0 || !strings.HasPrefix(found[0].Msg, "expected declaration") &&
		!strings.HasPrefix(found[0].Msg, "non-declaration statement") {
		return nowhere
	}
	for _, d := range t.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "main" {
			return nowhere // there is one
		}
	}
	return t.inCell(placeOf(t.source, found[0].Pos.Offset))
}

func isMain(line string) bool {
	rest, ok := strings.CutPrefix(line, "%%")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t') || strings.HasPrefix(line, "%main")
}

// Command returns the command on a line that is not Go, and its arguments; empty: there is none.
func (t *Text) Command(i int) (name, arguments string) {
	if !t.special[i] {
		return "", ""
	}
	name, arguments, _ = strings.Cut(strings.TrimPrefix(t.Lines[i], CommentPrefix), " ")
	return name, strings.TrimSpace(arguments)
}

// Has tells whether one of the cell's commands is name.
func (t *Text) Has(name string) bool {
	for i := range t.special {
		if found, _ := t.Command(i); found == name {
			return true
		}
	}
	return false
}

// SaysNothing tells whether a line is of a command that says nothing but its name, or not even that.
func (t *Text) SaysNothing(i int) bool { return t.empty[i] }

// Blank makes an empty line of a command, so that the others keep their numbers.
func (t *Text) Blank(i int) {
	t.Lines[i] = ""
	delete(t.special, i)
}

// IsGo tells whether a place is in a line of Go.
func (t *Text) IsGo(at Place) bool { return t.Magic == "" && !t.special[at.Line] }
