package cell

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gantry.local/kernel-ext/internal/importspec"
	"gantry.local/kernel-ext/internal/wholefile"
)

// imports does what `goimports -w FILE` does to the imports of a cell's program: it takes out those that are not used
// and adds those that are missing. It reports false, the file untouched, where goimports itself is needed: to find a
// package for a name not seen before, and for a file that does not parse. The file's layout is left as it is; GoNB
// reads the imports back and writes the file anew.
func (t *tool) imports() bool {
	start := time.Now()
	if len(t.args) != 2 || t.args[0] != "-w" {
		return false
	}
	file := t.args[1]
	source, err := os.ReadFile(file)
	if err != nil || !aloneInFolder(file) {
		return false
	}
	f, err := parseFile(source)
	if err != nil {
		return false
	}
	wanted := f.missing()
	known := memory{}
	path := ""
	if len(wanted) > 0 {
		sum, err := moduleSum(filepath.Dir(file))
		if err != nil {
			return false
		}
		path = filepath.Join(t.cache, "imports-"+sum+".json")
		known = readMemory(path)
	}
	var add []string
	for _, w := range wanted {
		spec, ok := known[w]
		if !ok {
			return t.learnImports(file, path, known, wanted)
		}
		add = append(add, spec)
	}
	if text := f.withImports(add); !bytes.Equal(text, source) {
		if _, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly); err != nil {
			return false
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return false
		}
	}
	t.trace.add("goimports", start, time.Now(), false)
	return true
}

// learnImports runs goimports and remembers what it added for the names that were missing.
func (t *tool) learnImports(file, path string, known memory, wanted []string) bool {
	start := time.Now()
	cmd := exec.Command(t.real, t.args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = endWithParent()
	if err := cmd.Run(); err != nil {
		return false // it runs once more, to say the same to whom it concerns
	}
	t.stdout.Write(said.Bytes())
	t.trace.add("goimports", start, time.Now(), true)
	source, err := os.ReadFile(file)
	if err != nil {
		return true
	}
	f, err := parseFile(source)
	if err != nil {
		return true
	}
	learned := false
	for _, w := range wanted {
		name, _, _ := strings.Cut(w, " ")
		for _, spec := range f.Imports {
			if importspec.Name(spec) == name {
				known[w], learned = importspec.Text(spec), true
			}
		}
	}
	if learned {
		known.write(path)
	}
	return true
}

// program is the parsed file of a cell's program.
type program struct {
	*ast.File
	source []byte
	set    *token.FileSet
	used   map[string][]string // name before the dot → exported names behind it, sorted
}

func parseFile(source []byte) (*program, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	p := &program{File: f, source: source, set: set, used: map[string][]string{}}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		// The rule of goimports: what the parser cannot resolve within the file is a package.
		if x, ok := s.X.(*ast.Ident); ok && x.Obj == nil && ast.IsExported(s.Sel.Name) {
			if names := p.used[x.Name]; !slices.Contains(names, s.Sel.Name) {
				p.used[x.Name] = append(names, s.Sel.Name)
			}
		}
		return true
	})
	for _, names := range p.used {
		slices.Sort(names)
	}
	return p, nil
}

// missing lists the packages that are used and not imported, each as its name and all that is used of it: goimports
// chooses a package by both.
func (p *program) missing() []string {
	imported := map[string]bool{}
	for _, spec := range p.Imports {
		imported[importspec.Name(spec)] = true
	}
	var missing []string
	for name, uses := range p.used {
		if !imported[name] {
			missing = append(missing, name+" "+strings.Join(uses, " "))
		}
	}
	slices.Sort(missing)
	return missing
}

// withImports is the source without the imports that are not used, and with others added on the line of the package
// clause. No line moves.
func (p *program) withImports(add []string) []byte {
	type span struct{ from, to int }
	var out []span
	offset := func(at token.Pos) int { return p.set.Position(at).Offset }
	for _, d := range p.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.IMPORT {
			continue
		}
		kept := 0
		var specs []span
		for _, s := range g.Specs {
			spec := s.(*ast.ImportSpec)
			name := importspec.Name(spec)
			if name == "_" || name == "." || spec.Path.Value == `"C"` || p.used[name] != nil {
				kept++
				continue
			}
			specs = append(specs, span{offset(spec.Pos()), offset(spec.End())})
		}
		if kept == 0 && len(specs) > 0 && !g.Lparen.IsValid() {
			specs = []span{{offset(g.Pos()), offset(g.End())}}
		}
		out = append(out, specs...)
	}
	text := slices.Clone(p.source)
	for _, s := range out {
		for i := s.from; i < s.to; i++ {
			if text[i] != '\n' {
				text[i] = ' '
			}
		}
	}
	if len(add) == 0 {
		return text
	}
	slices.Sort(add)
	at := offset(p.Name.End())
	var b bytes.Buffer
	b.Write(text[:at])
	for _, spec := range slices.Compact(add) {
		b.WriteString("; import " + spec)
	}
	b.Write(text[at:])
	return b.Bytes()
}

// aloneInFolder tells whether no other file in the folder can have a part in the package, but for BesideFile: those of one
// package share their global names.
func aloneInFolder(file string) bool {
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() == filepath.Base(file) || e.Name() == BesideFile {
			continue
		}
		switch filepath.Ext(e.Name()) {
		case ".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".h", ".hh", ".hpp", ".hxx",
			".swig", ".swigcxx", ".syso":
			return false
		}
	}
	return true
}

// memory maps a missing package, as missing writes it, to the import that goimports found for it.
type memory map[string]string

const memorySize = 1000

func readMemory(file string) memory {
	m := memory{}
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &m) != nil {
		return memory{}
	}
	return m
}

func (m memory) write(file string) {
	if len(m) > memorySize {
		return
	}
	if text, err := json.Marshal(m); err == nil && os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		wholefile.WriteTransient(file, text, 0o600) // one that is not written is learned again
	}
}

// moduleSum identifies what a cell's module requires, whatever the module is called.
func moduleSum(dir string) (string, error) {
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		if name == "go.mod" {
			_, text = cutModule(text)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return fmt.Sprintf("%x", h.Sum(nil))[:32], nil
}

// cutModule takes the module clause out of a go.mod file and returns the module's path.
func cutModule(text []byte) (string, []byte) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), []byte(strings.Join(slices.Delete(lines, i, i+1), "\n"))
		}
	}
	return "", text
}
