package golang

import (
	"go/ast"
	"go/parser"
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
	put     []insertion  // what makes a Go file of it: a main around its statements
	unended bool         // the last of them ends with the cell
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
		Lines: strings.Split(code, "\n"), special: map[int]bool{}, empty: map[int]bool{}, main: -1,
		files: token.NewFileSet(), file: &ast.File{},
	}
	first := strings.Fields(strings.TrimPrefix(t.Lines[0], CommentPrefix))
	if len(first) > 0 && slices.Contains(cellMagics(), first[0]) {
		t.Magic = first[0]
		t.empty[0] = len(first) == 1 // its first line says nothing more
		return t
	}
	t.readCommands()
	if !t.Has("%exec") && !t.Has("%test") && !t.Has("%wasm") {
		t.wrap()
	}
	t.parse()
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

// Go returns the cell's Go, every byte where it is in the cell: what is not Go is space.
func (t *Text) Go() string {
	lines := slices.Clone(t.Lines)
	for i, line := range lines {
		if t.special[i] || strings.HasPrefix(line, "package") { // GoNB writes the package clause
			lines[i] = strings.Repeat(" ", len(line))
		}
	}
	return strings.Join(lines, "\n")
}

// wrap puts a main around each run of statements, unless the cell has a main of its own.
func (t *Text) wrap() {
	source := t.Go()
	items := Split(source)
	if slices.ContainsFunc(items, func(i Item) bool { return i.IsMain(source) }) {
		return
	}
	for i, it := range items {
		if it.Kind != Statement {
			continue
		}
		if i == 0 || items[i-1].Kind != Statement {
			t.put = append(t.put, insertion{placeOf(source, it.From), mainBegin})
		}
		if i == len(items)-1 {
			t.unended = true
		} else if items[i+1].Kind != Statement {
			t.put = append(t.put, insertion{placeOf(source, it.To), "}"})
		}
	}
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

// Uncover makes Go of what stands behind a command, where it stands.
func (t *Text) Uncover(i int) {
	name, _ := t.Command(i)
	t.Lines[i] = strings.Replace(t.Lines[i], name, strings.Repeat(" ", len(name)), 1)
	delete(t.special, i)
}

// TakeCommands takes out of the cell what is to be done before its Go is built, and returns it line by line that of the cell: shell
// lines and all commands but those about its program. It takes nothing out of a cell that GoNB reads by itself, and all of one that
// has no Go.
func (t *Text) TakeCommands() string {
	if t.Magic != "" || t.Has("%test") || t.Has("%wasm") {
		return ""
	}
	lines := make([]string, len(t.Lines))
	found := false
	for i := 0; i < len(t.Lines); i++ {
		name, _ := t.Command(i)
		of := []string{"%args", "%exec", "%main", "%%", "%capture", "%widgets", "%widgets_hb"}
		if !t.special[i] || slices.Contains(of, name) {
			continue
		}
		for found = true; ; i++ {
			lines[i] = t.Lines[i]
			more := strings.HasSuffix(t.Lines[i], `\`) && i+1 < len(t.Lines)
			t.Blank(i)
			if !more {
				break
			}
		}
	}
	if !found {
		return ""
	}
	return strings.Join(lines, "\n")
}

// HasGo tells whether a cell has anything to be built, or a command about that.
func (t *Text) HasGo() bool {
	return slices.ContainsFunc(t.Lines, func(line string) bool { return strings.TrimSpace(line) != "" })
}

// IsGo tells whether a place is in a line of Go.
func (t *Text) IsGo(at Place) bool { return t.Magic == "" && !t.special[at.Line] }

// IsSpecial tells whether a line is not Go.
func (t *Text) IsSpecial(i int) bool { return t.special[i] }

// Main is the line, %% or %main, below which the body of main begins; -1: there is none.
func (t *Text) Main() int { return t.main }
