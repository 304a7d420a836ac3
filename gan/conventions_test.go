package gan_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the packages of the library from the ground up. A package imports what stands on lower floors and nothing else, so that
// each can be understood with what is below it.
func floors() [][]string {
	return [][]string{
		{"gan/part", "gan/protobuf", "gan/internal/wide"},
		{"gan/internal/picture", "gan/internal/table", "gan/internal/tracing", "gan/setting", "gan/safetensors", "gan/loss",
			"gan/device/compilecache", "gan/device/purego", "gan/examples"},
		{"gan/sample", "gan/net", "gan/device"},
		{"gan/data", "gan/optim", "gan/metric"},
		{"gan/method", "gan/gantest", "gan/measure", "gan/metric/trainfeatures"},
		{"gan/lint", "gan/kind"},
		{"gan/train"},
		{"gan", "gan/latent", "gan/export", "gan/compress"},
		{"gan/translate", "gan/gantest/tiny"},
		{"gan/recipe"},
		{"gan/spec"},
		{"gan/study"},
	}
}

const (
	mostFields = 12  // of a struct
	mostFiles  = 3   // over which the methods of a type are spread
	mostSaid   = 170 // bytes of the sentence that says what a package is
)

// TestConventions holds the shape of the library: a sentence says what each package is, arrows between them point down, structs and
// method sets can be taken in at a look. Tests are free of it.
func TestConventions(t *testing.T) {
	fset := token.NewFileSet()
	packages := map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "testdata":
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		of := path.Join("gan", filepath.ToSlash(filepath.Dir(name)))
		packages[of] = append(packages[of], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		for _, complaint := range complaints(fset, name, packages[name]) {
			t.Error(complaint)
		}
	}
	for _, listed := range slices.Concat(floors()...) {
		if packages[listed] == nil {
			t.Errorf("%s has a place in floors and is no package: take it out", listed)
		}
	}
}

// TestConventionsAreSeen wants a complaint of each kind about a package that deserves it, and none of what is just within the bounds.
func TestConventionsAreSeen(t *testing.T) {
	field := func(n int) string { return strings.Repeat("A, ", n-1) + "A int\n" }
	for name, c := range map[string]struct {
		of    string
		files []string // each behind its package clause, the first of which has a comment
		want  []string // parts of the complaints, in their order
	}{
		"within the bounds": {"gan/train", []string{"import \"gantry.local/gan/lint\"\ntype T struct {\n" + field(12) + "}",
			"func (T) A() {}", "func (*T) B() {}", "func (T) C() {}"}, nil},
		"fields":              {"gan/net", []string{"type T struct {\n" + field(12) + "E\n}"}, []string{"T has 13 fields"}},
		"without a name":      {"gan/net", []string{"var v []struct {\n" + field(13) + "}"}, []string{"a struct without a name has 13 fields"}},
		"within a function":   {"gan/net", []string{"func f() {\ntype local struct {\n" + field(14) + "}\n}"}, []string{"local has 14 fields"}},
		"spread methods":      {"gan/net", []string{"func (T) A() {}", "func (*T) B() {}", "func (t T) C() {}", "func (t *T) D() {}"}, []string{"methods of T are in 4 files, 0.go, 1.go, 2.go, 3.go"}},
		"of a generic":        {"gan/net", []string{"func (T[E]) A() {}", "func (*T[E]) B() {}", "func (T[E]) C() {}", "func (*T[_]) D() {}"}, []string{"methods of T are in 4 files"}},
		"up":                  {"gan/sample", []string{"import \"gantry.local/gan/data\""}, []string{"imports gan/data, which stands above it"}},
		"up by another name":  {"gan/metric", []string{"import g \"gantry.local/gan\""}, []string{"imports gan, which stands above it"}},
		"beside":              {"gan/export", []string{"import \"gantry.local/gan/latent\""}, []string{"imports gan/latent, which stands beside it"}},
		"out":                 {"gan/study", []string{"import \"gantry.local/kernel-ext/show\""}, []string{"imports gantry.local/kernel-ext/show: the library knows no Jupyter"}},
		"GoNB":                {"gan/study", []string{"import \"github.com/janpfeifer/gonb/gonbui\""}, []string{"knows no Jupyter"}},
		"no place":            {"gan/new", []string{""}, []string{"gan/new has no place in floors"}},
		"no sentence":         {"gan/net", nil, []string{"no comment says what it is"}},
		"something unordered": {"gan/study", []string{"import \"gantry.local/gan/new\""}, []string{"imports gan/new, which has no place in floors"}},
	} {
		fset := token.NewFileSet()
		var files []*ast.File
		for i, text := range c.files {
			text = "package p\n" + text
			if i == 0 {
				text = "// Package " + path.Base(c.of) + " is one.\n" + text
			}
			files = append(files, parsed(t, fset, fmt.Sprintf("%d.go", i), text))
		}
		got := complaints(fset, c.of, files)
		if len(got) != len(c.want) {
			t.Errorf("%s: complaints %q, want %q", name, got, c.want)
			continue
		}
		for i, part := range c.want {
			if !strings.Contains(got[i], part) {
				t.Errorf("%s: the complaint %q says nothing of %q", name, got[i], part)
			}
		}
	}
}

// TestSentencesAreSeen wants a complaint where a package does not say what it is, in one sentence of a line.
func TestSentencesAreSeen(t *testing.T) {
	long := strings.Repeat("and more, ", 20)
	for _, c := range []struct {
		files []string
		want  string // part of the complaint, "" for none
	}{
		{[]string{"// Package p has something. " + long + "\npackage p", "package p"}, ""},
		{[]string{"// Command p does something.\npackage main"}, ""},
		{[]string{"package p"}, "no comment says what it is"},
		{[]string{"// Package p has something.\npackage p", "// Package p has more.\npackage p"}, "2 comments say what it is"},
		{[]string{"// This has something.\npackage p"}, "begins with \"This has something.\""},
		{[]string{"// Package p has something " + long + "\npackage p"}, "want at most 170"},
	} {
		var files []*ast.File
		for _, text := range c.files {
			files = append(files, parsed(t, token.NewFileSet(), "p.go", text))
		}
		got := strings.Join(unclearSentence("gan/p", files), "; ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%.60q: the complaint is %q, want %q", c.files, got, c.want)
		}
	}
}

func parsed(t *testing.T, fset *token.FileSet, name, text string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// complaints lists what is out of shape in the files of a package, and what to do about it.
func complaints(fset *token.FileSet, of string, files []*ast.File) []string {
	return slices.Concat(unclearSentence(of, files), wrongArrows(of, files), wideStructs(fset, of, files), spreadMethods(fset, of, files))
}

// unclearSentence is what is wrong with the first sentence of the package's comment.
func unclearSentence(of string, files []*ast.File) []string {
	var comments []string
	for _, file := range files {
		if file.Doc != nil {
			comments = append(comments, file.Doc.Text())
		}
	}
	if len(comments) == 0 {
		return []string{of + ": no comment says what it is: write \"Package " + path.Base(of) + " …\" above a package clause, best in doc.go"}
	}
	if len(comments) > 1 {
		return []string{fmt.Sprintf("%s: %d comments say what it is: keep one", of, len(comments))}
	}
	sentence := new(doc.Package).Synopsis(comments[0])
	switch base := path.Base(of); {
	case !strings.HasPrefix(sentence, "Package "+base+" ") && !strings.HasPrefix(sentence, "Command "+base+" "):
		return []string{fmt.Sprintf("%s: its comment begins with %q: begin with \"Package %s\", or \"Command %s\"", of, sentence, base, base)}
	case len(sentence) > mostSaid:
		return []string{fmt.Sprintf("%s: the sentence that says what it is has %d bytes, want at most %d: put a full stop earlier", of, len(sentence), mostSaid)}
	}
	return nil
}

// wrongArrows are imports of what does not stand on a lower floor.
func wrongArrows(of string, files []*ast.File) (all []string) {
	floor := map[string]int{}
	for i, names := range floors() {
		for _, name := range names {
			floor[name] = i
		}
	}
	own, placed := floor[of]
	if !placed {
		return []string{of + " has no place in floors: put it on the lowest floor above all that it imports"}
	}
	imports := map[string]bool{}
	for _, file := range files {
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			imports[imported] = true
		}
	}
	for _, imported := range slices.Sorted(maps.Keys(imports)) {
		name, ours := strings.CutPrefix(imported, "gantry.local/")
		if ours && !strings.HasPrefix(name+"/", "gan/") || strings.Contains(imported, "gonb") {
			all = append(all, fmt.Sprintf("%s imports %s: the library knows no Jupyter", of, imported))
			continue
		}
		if !ours {
			continue
		}
		const mend = "move what both need to a package below, or have it passed in"
		switch its, placed := floor[name]; {
		case !placed:
			all = append(all, fmt.Sprintf("%s imports %s, which has no place in floors: give it one", of, name))
		case its > own:
			all = append(all, fmt.Sprintf("%s imports %s, which stands above it: %s", of, name, mend))
		case its == own:
			all = append(all, fmt.Sprintf("%s imports %s, which stands beside it: %s; or give it a floor of its own", of, name, mend))
		}
	}
	return all
}

// wideStructs are structs of too many fields, an embedded one counting as one.
func wideStructs(fset *token.FileSet, of string, files []*ast.File) (all []string) {
	for _, file := range files {
		names := map[*ast.StructType]string{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					names[s] = n.Name.Name
				}
			case *ast.StructType:
				if fields := n.Fields.NumFields(); fields > mostFields {
					name := names[n]
					if name == "" {
						name = "a struct without a name"
					}
					all = append(all, fmt.Sprintf("%s: %s has %d fields, want at most %d (%s): group what belongs together in parts that have names",
						of, name, fields, mostFields, fset.Position(n.Pos())))
				}
			}
			return true
		})
	}
	return all
}

// spreadMethods are types whose methods are in too many files.
func spreadMethods(fset *token.FileSet, of string, files []*ast.File) (all []string) {
	places := map[string]map[string]bool{} // files by type
	for _, file := range files {
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			name := receiver(f.Recv.List[0].Type)
			if places[name] == nil {
				places[name] = map[string]bool{}
			}
			places[name][filepath.Base(fset.Position(file.Pos()).Filename)] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(places)) {
		if in := slices.Sorted(maps.Keys(places[name])); len(in) > mostFiles {
			all = append(all, fmt.Sprintf("%s: the methods of %s are in %d files, %s, want at most %d: make functions of those that need not be methods, or parts of the type",
				of, name, len(in), strings.Join(in, ", "), mostFiles))
		}
	}
	return all
}

// receiver is the name of a receiver's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.ParenExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	panic(fmt.Sprintf("a receiver of kind %T", of))
}
