package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/pflag"

	"gantry.local/gan/data"
	"gantry.local/gan/recipe"
	"gantry.local/gan/study"
	"gantry.local/kernel-ext/setup"
)

// document is a text that people read: a Markdown file, or the words of a chapter.
type document struct {
	path string // from the checkout
	text string
}

// documents are README.md, all of docs, and the course.
func documents(t *testing.T) (root string, all []document) {
	t.Helper()
	root, err := setup.FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	add := func(path string) {
		text := string(read(t, filepath.Join(root, path)))
		if strings.HasSuffix(path, ".ipynb") {
			text = words(t, text)
		}
		all = append(all, document{path, text})
	}
	add("README.md")
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md", "notebooks/*.ipynb"} {
		found, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v (%v)", pattern, found, err)
		}
		for _, path := range found {
			add(path)
		}
	}
	return root, all
}

// words are the Markdown cells of a notebook.
func words(t *testing.T, notebook string) string {
	t.Helper()
	var content struct {
		Cells []struct {
			Kind   string          `json:"cell_type"`
			Source json.RawMessage `json:"source"`
		}
	}
	if err := json.Unmarshal([]byte(notebook), &content); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, cell := range content.Cells {
		if cell.Kind != "markdown" {
			continue
		}
		var whole string
		var lines []string
		if json.Unmarshal(cell.Source, &whole) != nil {
			if err := json.Unmarshal(cell.Source, &lines); err != nil {
				t.Fatal(err)
			}
			whole = strings.Join(lines, "")
		}
		text += whole + "\n\n"
	}
	return text
}

var (
	fence = regexp.MustCompile("(?ms)^```([a-z ]*)\n(.*?)^```")
	span  = regexp.MustCompile("`([^`]+)`")
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// code is what a document sets in the type of code: the lines of its blocks, and the spans of its text.
func (d document) code() (pieces []string) {
	for _, block := range fence.FindAllStringSubmatch(d.text, -1) {
		pieces = append(pieces, strings.Split(strings.TrimSpace(block[2]), "\n")...)
	}
	for _, s := range span.FindAllStringSubmatch(fence.ReplaceAllString(d.text, ""), -1) {
		pieces = append(pieces, strings.Join(strings.Fields(s[1]), " "))
	}
	return pieces
}

// TestLinks wants every link of the documents to lead to a file, and to a heading that is there.
func TestLinks(t *testing.T) {
	root, all := documents(t)
	seen := 0
	for _, d := range all {
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(d.text, ""), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			seen++
			path, anchor, _ := strings.Cut(found[1], "#")
			target := filepath.Join(root, filepath.Dir(d.path), path)
			if path == "" {
				target = filepath.Join(root, d.path)
			}
			text, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: the link %s leads nowhere", d.path, found[1])
			} else if anchor != "" && !slices.Contains(headings(string(text)), anchor) {
				t.Errorf("%s: %s has no heading %q", d.path, path, anchor)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d links were found", seen)
	}
}

// headings are the anchors of a Markdown file, as GitHub makes them.
func headings(text string) (anchors []string) {
	for line := range strings.Lines(text) {
		if title, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); found && strings.HasPrefix(line, "#") {
			anchors = append(anchors, strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
					return unicode.ToLower(r)
				}
				return -1
			}, strings.TrimSpace(title)))
		}
	}
	return anchors
}

// TestMakeTargets wants every `make` of the documents to be a target.
func TestMakeTargets(t *testing.T) {
	root, all := documents(t)
	targets := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(string(read(t, filepath.Join(root, "Makefile"))), -1) {
		targets[found[1]] = true
	}
	called, seen := regexp.MustCompile(`(?:^|&& |run |[A-Z0-9_]=\S+ )make ([a-z0-9-]+)`), 0
	for _, d := range all {
		for _, piece := range d.code() {
			for _, found := range called.FindAllStringSubmatch(piece, -1) {
				seen++
				if !targets[found[1]] {
					t.Errorf("%s: `%s`: the Makefile has no target %s", d.path, piece, found[1])
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d targets were found", seen)
	}
}

// commandLine is a call of gantry in a document, or nil.
func commandLine(piece string) []string {
	piece, _, _ = strings.Cut(piece, " # ")
	var args []string
	for _, quoted := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(piece, -1) {
		if quoted == ";" || quoted == "|" || quoted == "&&" {
			break
		}
		args = append(args, strings.Trim(quoted, `"`))
	}
	for i, arg := range args {
		switch {
		case arg == "gantry" || strings.HasSuffix(arg, "/gantry"):
			return append([]string{"gantry"}, args[i+1:]...)
		case !regexp.MustCompile(`^[A-Z_]+=`).MatchString(arg):
			return nil
		}
	}
	return nil
}

// placeholder is a word that stands for what the reader fills in.
func placeholder(word string) bool {
	return strings.Contains(word, "…") || word == strings.ToUpper(word) && strings.ContainsFunc(word, unicode.IsLetter)
}

// TestCommands wants every call of gantry in the documents to name a command, flags that it has with values that it takes,
// and recipes, data sets and rows of studies that there are.
func TestCommands(t *testing.T) {
	_, all := documents(t)
	seen := 0
	for _, d := range all {
		for _, piece := range d.code() {
			args := commandLine(piece)
			if len(args) < 2 {
				continue
			}
			seen++
			if err := checkCommand(args[1:]); err != nil {
				t.Errorf("%s: `%s`: %v", d.path, piece, err)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d commands were found", seen)
	}
}

func checkCommand(args []string) error {
	c, rest, err := rootCommand().Find(args)
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	for i := 1; i < len(rest); i++ { // what stands for a number is one
		if name, found := strings.CutPrefix(rest[i-1], "--"); found && placeholder(rest[i]) {
			if f := c.Flags().Lookup(name); f != nil && strings.HasPrefix(f.Value.Type(), "int") {
				rest[i] = "1"
			} else if f != nil && f.Value.Type() == "duration" {
				rest[i] = "1s"
			}
		}
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	given := func(name string) (string, bool) {
		f := c.Flags().Lookup(name)
		return f.Value.String(), f.Changed && !placeholder(f.Value.String())
	}
	left := c.Flags().Args()
	switch c.Name() {
	case "train":
		if name, found := given("recipe"); found {
			_, err = recipe.Named(name)
		}
		if name, found := given("data"); found && err == nil {
			_, err = data.Named(name)
		}
	case "bench":
		if len(left) != 1 || placeholder(left[0]) {
			return nil
		}
		var s study.Study
		if s, err = study.Named(left[0]); err == nil {
			err = s.Check(benchOptions(c.Flags()))
		}
	case "gantry":
		if len(left) > 0 {
			return fmt.Errorf("there is no command %q", left[0])
		}
	}
	return err
}

// benchOptions are the options that only a study can judge.
func benchOptions(f *pflag.FlagSet) (o study.Options) {
	rows, _ := f.GetStringArray("recipe")
	for _, row := range rows {
		if !placeholder(row) {
			o.Recipes = append(o.Recipes, row)
		}
	}
	o.Seeds, _ = f.GetInt("seeds")
	o.Steps, _ = f.GetInt("steps")
	o.Limit, _ = f.GetDuration("max-time")
	if peer, _ := f.GetString("peer"); peer != "" {
		o.Peer = "sh" // any program that is there
	}
	return o
}

// exported are the names of a package: "Name", "Name." of one that is a value, and "Type.Name" of methods and fields.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				name := d.Name.Name
				if d.Recv != nil {
					of := d.Recv.List[0].Type
					if star, ok := of.(*ast.StarExpr); ok {
						of = star.X
					}
					if ident, ok := of.(*ast.Ident); ok {
						name = ident.Name + "." + name
					}
				}
				names[name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range s.Names {
							names[name.Name], names[name.Name+"."] = true, true
						}
					case *ast.TypeSpec:
						names[s.Name.Name] = true
						if fields, ok := s.Type.(*ast.StructType); ok {
							for _, field := range fields.Fields.List {
								for _, name := range field.Names {
									names[s.Name.Name+"."+name.Name] = true
								}
							}
						}
					}
				}
			}
		}
	}
	return names
}

// TestGoNames wants the Go names of the documents to exist: of this project's packages, and the methods and fields of what
// the documents call run, trainer, exp, panel and ui.
func TestGoNames(t *testing.T) {
	root, all := documents(t)
	packages := map[string]map[string]bool{}
	for _, top := range []string{"gan", "kernel-ext"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && (strings.HasPrefix(entry.Name(), "_") || entry.Name() == "testdata") { // of another module, or of none
				return fs.SkipDir
			}
			if err == nil && entry.IsDir() {
				if names := exported(t, path); len(names) > 0 {
					packages[entry.Name()] = names
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	variables := map[string]struct{ pkg, of string }{
		"run": {"lab", "Run"}, "trainer": {"train", "Trainer"}, "exp": {"gan", "Experiment"}, "ui": {"widget", "UI"}, "progress": {"train", "Progress"},
	}
	name, seen := regexp.MustCompile(`\b([a-z]+)\.([A-Z]\w*)(?:\.([A-Z]\w*))?`), 0
	for _, d := range all {
		for _, piece := range d.code() {
			for _, found := range name.FindAllStringSubmatch(piece, -1) {
				names, known := packages[found[1]]
				want := found[2]
				if v, is := variables[found[1]]; is {
					names, known, want = packages[v.pkg], true, v.of+"."+found[2]
				} else if found[3] != "" && !names[want+"."] { // a value's methods are those of its type
					want += "." + found[3]
				}
				if !known {
					continue // of another module
				}
				seen++
				if !names[want] {
					t.Errorf("%s: `%s`: there is no %s.%s", d.path, piece, found[1], want)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d names were found", seen)
	}
}

// TestPaths wants the files of this project that the documents name to be there.
func TestPaths(t *testing.T) {
	root, all := documents(t)
	file := regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*(\.(go|py|md|json|lock|in|ipynb|png|safetensors)|/)$`)
	seen := 0
	for _, d := range all {
		if strings.HasSuffix(d.path, ".ipynb") {
			continue // whose paths are those of runs
		}
		for _, found := range span.FindAllStringSubmatch(fence.ReplaceAllString(d.text, ""), -1) {
			path := found[1]
			if !file.MatchString(path) || !strings.Contains(path, "/") || strings.HasPrefix(path, "runs") || strings.HasPrefix(path, ".venv") {
				continue
			}
			seen++
			if !slices.ContainsFunc([]string{"", "kernel-ext", "gan", filepath.Dir(d.path)}, func(below string) bool {
				_, err := os.Stat(filepath.Join(root, below, path))
				return err == nil
			}) {
				t.Errorf("%s: there is no file %s", d.path, path)
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d files were found", seen)
	}
}

// figure is a table of docs/results.md with the command above it, "" where each row has its own.
type figure struct {
	command string
	cheap   bool
	table   [][]string // the head first
}

var (
	tables = regexp.MustCompile("(?m)(?:^```sh( cheap)?\n([^\n]*)\n```\n\n)?((?:^\\|[^\n]*\n)+)")
	cells  = regexp.MustCompile(`\s*\|\s*`)
)

func figures(t *testing.T) (all []figure) {
	t.Helper()
	root, _ := documents(t)
	for _, found := range tables.FindAllStringSubmatch(string(read(t, filepath.Join(root, "docs", "results.md"))), -1) {
		f := figure{command: found[2], cheap: found[1] != ""}
		for i, line := range strings.Split(strings.TrimSpace(found[3]), "\n") {
			if i != 1 {
				f.table = append(f.table, cells.Split(strings.Trim(line, "| "), -1))
			}
		}
		all = append(all, f)
	}
	if len(all) < 8 {
		t.Fatalf("only %d tables were found", len(all))
	}
	return all
}

// TestFigures wants each table of docs/results.md to stand below one command of gantry, or each of its rows to name its own or
// the paper it is from, and the rows to be those that the command makes.
func TestFigures(t *testing.T) {
	for _, f := range figures(t) {
		head := f.table[0]
		own, source := slices.Index(head, "command"), slices.Index(head, "source")
		switch {
		case f.command != "":
			args := commandLine(f.command)
			if len(args) < 3 || args[1] != "bench" {
				t.Errorf("a table stands below %q, which is no `bin/gantry bench`", f.command)
				continue
			}
			s, err := study.Named(args[2])
			if err != nil {
				t.Errorf("%s: %v", f.command, err)
				continue
			}
			for _, row := range f.table[1:] {
				if s.Rows != nil && !slices.Contains(slices.Concat(s.Rows, s.Peers), row[0]) {
					t.Errorf("%s makes no row %q", f.command, row[0])
				}
			}
		case own >= 0:
			for _, row := range f.table[1:] {
				if args := commandLine(strings.Trim(row[own], "`")); len(args) < 2 {
					t.Errorf("the row %q has no command of gantry", row)
				}
			}
		case source >= 0:
			for _, row := range f.table[1:] {
				if !strings.Contains(row[source], "arXiv:") {
					t.Errorf("the row %q names no paper", row)
				}
			}
		default:
			t.Errorf("a table has no command: %q", head)
		}
	}
}

// TestEveryRecipeHasAFigure wants a number of each recipe in docs/results.md, beside the command that makes it.
func TestEveryRecipeHasAFigure(t *testing.T) {
	measured := map[string]bool{}
	for _, f := range figures(t) {
		own := slices.Index(f.table[0], "command")
		for _, row := range f.table[1:] {
			for column, cell := range row[1:] {
				measured[row[0]] = measured[row[0]] || column+1 != own && cell != "" && strings.ContainsAny(cell[:1], "0123456789")
			}
		}
	}
	for _, r := range recipe.All() {
		if !measured[r.Name] {
			t.Errorf("docs/results.md has no figure of recipe %s: `bin/gantry bench recipes --recipe %s` makes one", r.Name, r.Name)
		}
	}
}

// TestCheapFigures makes the tables that are marked as cheap again. Their numbers are those of one kind of CPU, and on another
// one runs go other ways, so each must come near: to a tenth, or three of the deviations that stand beside it.
func TestCheapFigures(t *testing.T) {
	made := 0
	for _, f := range figures(t) {
		if !f.cheap {
			continue
		}
		made++
		stdout, stderr, code := gantry(t, append(commandLine(f.command)[1:], "--json")...)
		if code != 0 {
			t.Errorf("%s: %s", f.command, stderr)
			continue
		}
		var now study.Table
		if err := json.Unmarshal([]byte(stdout), &now); err != nil {
			t.Fatal(err)
		}
		if len(now.Rows) != len(f.table)-1 {
			t.Errorf("%s makes %d rows, and %d are written down", f.command, len(now.Rows), len(f.table)-1)
			continue
		}
		for i, row := range f.table[1:] {
			for j, written := range row {
				column := slices.Index(now.Columns, f.table[0][j])
				if column < 0 {
					t.Errorf("%s: there is no column %q", f.command, f.table[0][j])
				} else if got := now.Rows[i][column]; !near(written, got) {
					t.Errorf("%s, %s of %s: %s is written down, and now it is %s", f.command, f.table[0][j], row[0], written, got)
				}
			}
		}
	}
	if made == 0 {
		t.Error("no table is marked as cheap")
	}
}

// near compares "5.0 ± 1.2 %" and the like, and words by being the same.
func near(written, got string) bool {
	value := func(cell string) (mean, deviation float64, ok bool) {
		fields := strings.Fields(cell)
		mean, err := strconv.ParseFloat(fields[0], 64)
		if len(fields) > 2 && fields[1] == "±" {
			deviation, _ = strconv.ParseFloat(fields[2], 64)
		}
		return mean, deviation, err == nil
	}
	a, deviation, number := value(written)
	if !number {
		return written == got
	}
	b, _, number := value(got)
	return number && math.Abs(a-b) <= max(0.1*math.Abs(a), 3*deviation, 0.005)
}

// TestWhatRepeats trains the same few steps in three processes: the weights are the same, byte for byte.
func TestWhatRepeats(t *testing.T) {
	weights := func() string {
		out := filepath.Join(t.TempDir(), "run")
		if _, stderr, code := gantry(t, small(out, "--steps", "4")...); code != 0 {
			t.Fatal(stderr)
		}
		return string(read(t, filepath.Join(out, "generator.safetensors")))
	}
	first := weights()
	for range 2 {
		if weights() != first {
			t.Error("the same steps on the same machine gave other weights")
		}
	}
}

// TestCounts wants the numbers of things that the documents give to be right.
func TestCounts(t *testing.T) {
	root, _ := documents(t)
	readme := string(read(t, filepath.Join(root, "README.md")))
	if want := fmt.Sprintf("There are %d recipes (`bin/gantry train --help`)", len(recipe.All())); !strings.Contains(readme, want) {
		t.Errorf("README.md does not say %q", want)
	}
	chapters, err := filepath.Glob(filepath.Join(root, "notebooks", "*.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, chapter := range chapters {
		if !strings.Contains(readme, "(notebooks/"+filepath.Base(chapter)+")") {
			t.Errorf("README.md does not list the chapter %s", filepath.Base(chapter))
		}
	}
}

// TestEpochLines wants the article's line for each epoch, and the light of a collapse, among what the chapter about them shows.
func TestEpochLines(t *testing.T) {
	root, _ := documents(t)
	chapter := string(read(t, filepath.Join(root, "notebooks", "03-first-gan.ipynb")))
	if n := len(regexp.MustCompile(`"\d+ \[D: \d+\.\d{4} G: \d+\.\d{4}\]\\n`).FindAllString(chapter, -1)); n < 2 {
		t.Errorf("%d lines of epochs, want at least 2", n)
	}
	if !strings.Contains(chapter, "collapsed: ") {
		t.Error("no figure of the chapter says that the samples have collapsed")
	}
}
