package cell_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/cell/quicklink"
	"gantry.local/kernel-ext/internal/racing"
)

// TestMain makes the test binary the program under test when it is started by one of its names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "go", "goimports", cell.Program:
		os.Exit(cell.Main(os.Args, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// desk is a folder in which cells are built as GoNB does it.
type desk struct {
	t                  *testing.T
	dir, tools, local  string // where cells are built; the tools' stand-ins; a module that cells may import
	cache, trace, temp string
	env                []string
	real               map[string]string // the real tools
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	root := t.TempDir()
	d := &desk{t: t, real: map[string]string{}}
	for name, path := range map[string]*string{"gonb_test": &d.dir, "tools": &d.tools, "local": &d.local, "temp": &d.temp} {
		*path = filepath.Join(root, name)
		if err := os.Mkdir(*path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.trace = filepath.Join(root, "trace")
	var err error
	if d.cache, err = os.MkdirTemp("", "cells-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a base may be made behind a test's back
		for deadline := time.Now().Add(30 * time.Second); os.RemoveAll(d.cache) != nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%s cannot be removed", d.cache)
				return
			}
		}
	})
	copyFile(t, os.Args[0], filepath.Join(d.tools, cell.Program))
	for _, name := range []string{"go", "goimports"} {
		path, err := exec.LookPath(name)
		if err != nil { // goimports is where set-up puts it
			path, err = filepath.Abs(filepath.Join("..", "..", "bin", name))
		}
		if _, missing := os.Stat(path); err != nil || missing != nil {
			t.Fatalf("%s is missing: run make setup", name)
		}
		d.real[name] = path
		if err := os.Symlink(cell.Program, filepath.Join(d.tools, name)); err != nil {
			t.Fatal(err)
		}
	}
	d.write("go.mod", "module gonb_test\n\ngo 1.26\n\nrequire example.test/local v0.0.0\n\nreplace example.test/local => "+d.local+"\n")
	d.write("go.sum", "")
	d.write("../local/go.mod", "module example.test/local\n\ngo 1.26\n")
	d.write("../local/local.go", "package local\n\nimport \"example.test/local/inner\"\n\nfunc Value() string { return inner.Value }\n")
	d.write("../local/inner/inner.go", "package inner\n\nconst Value = \"first\"\n")
	path := strings.Join([]string{d.tools, filepath.Dir(d.real["goimports"]), os.Getenv("PATH")}, string(os.PathListSeparator))
	d.env = append(os.Environ(), "PATH="+path, "GOFLAGS='-ldflags=-w -linkmode=internal'", "GOPROXY=off", "GOWORK=", "GOEXPERIMENT=",
		"GOTMPDIR="+d.temp, "TMPDIR="+d.temp, cell.EnvCache+"="+d.cache, cell.EnvTrace+"="+d.trace)
	return d
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o700); err != nil {
		t.Fatal(err)
	}
}

// write writes a file below the folder of cells.
func (d *desk) write(name, text string) {
	d.t.Helper()
	file := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// main writes the program of a cell that prints an expression.
func (d *desk) main(expression string, imports ...string) {
	d.t.Helper()
	d.write("main.go", program(expression, imports...))
}

func program(expression string, imports ...string) string {
	text := "package main\n\n"
	for _, path := range imports {
		text += fmt.Sprintf("import %q\n", path)
	}
	return text + "\nfunc main() { println(" + expression + ") }\n"
}

func (d *desk) output() string { return filepath.Join(d.dir, "program") }

// run runs a tool in the folder of cells and returns what it says and whether it failed.
func (d *desk) run(tool string, args ...string) (string, error) {
	cmd := exec.Command(tool, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// build builds a cell through the stand-in and tells whether that did it by itself.
func (d *desk) build(flags ...string) (said string, quick bool, err error) {
	d.t.Helper()
	os.Remove(d.trace)
	said, err = d.run(filepath.Join(d.tools, "go"), append([]string{"build", "-o", d.output()}, flags...)...)
	spans, traceErr := cell.ReadTrace(d.trace)
	if traceErr != nil || len(spans) == 0 {
		d.t.Fatalf("trace: %v, %v", spans, traceErr)
	}
	quick = !slices.ContainsFunc(spans, func(s cell.Span) bool { return s.Real })
	return said, quick, err
}

// mustBuild builds a cell, runs it, and fails the test unless it prints want.
func (d *desk) mustBuild(want string, flags ...string) (quick bool) {
	d.t.Helper()
	said, quick, err := d.build(flags...)
	if err != nil {
		d.t.Fatalf("%v: %s", err, said)
	}
	if printed, err := d.run(d.output()); err != nil || strings.TrimSpace(printed) != want {
		d.t.Fatalf("the program ended with %v and printed %q, not %q", err, printed, want)
	}
	return quick
}

// learn builds cells with these imports until one is quick: files that a person may edit must have been left alone for
// a moment.
func (d *desk) learn(imports ...string) {
	d.t.Helper()
	var blank strings.Builder
	for _, path := range imports {
		fmt.Fprintf(&blank, "import _ %q\n", path)
	}
	for n, deadline := 0, time.Now().Add(racing.Slower*20*time.Second); ; n++ {
		if n > 1 {
			time.Sleep(500 * time.Millisecond) // between two looks
		}
		d.write("main.go", fmt.Sprintf("package main\n\n%s\nfunc main() { println(\"%d of %s\") }\n", &blank, n, d.dir))
		if d.mustBuild(fmt.Sprintf("%d of %s", n, d.dir)) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("cells that import %v are still built by the go command", imports)
		}
	}
}

// leaveNothing fails the test if a build left something behind.
func (d *desk) leaveNothing() {
	d.t.Helper()
	left, err := os.ReadDir(d.temp)
	if err != nil || len(left) > 0 {
		d.t.Errorf("temporary files left: %v, %v", left, err)
	}
}

func TestQuickBuild(t *testing.T) {
	d := newDesk(t)
	d.main(`fmt.Sprint("one of `+d.dir+`")`, "fmt")
	if d.mustBuild("one of " + d.dir) {
		t.Fatal("the first build had nothing to go by")
	}
	d.main(`fmt.Sprint("two")`, "fmt")
	if !d.mustBuild("two") {
		t.Error("the second build went to the go command")
	}

	// What a program knows of itself is as the go command would have it.
	source := `package main

import (
	"os"
	"runtime/debug"
	"strings"
)

type T[V any] struct{ v V }

func (t T[V]) fail() { panic("on line 12") }

func main() {
	info, _ := debug.ReadBuildInfo()
	println(info.String())
	if len(os.Args) > 1 {
		T[string]{strings.ToUpper("x")}.fail()
	}
}
`
	d.learn("os", "runtime/debug", "strings")
	d.write("main.go", source)
	if _, quick, err := d.build(); !quick || err != nil {
		t.Fatalf("quick %v, %v", quick, err)
	}
	said := map[bool]string{}
	for _, real := range []bool{false, true} {
		if real {
			if text, err := d.run(d.real["go"], "build", "-o", d.output()); err != nil {
				t.Fatal(err, text)
			}
		}
		about, err := d.run(d.output())
		if err != nil {
			t.Fatal(err)
		}
		panicked, err := d.run(d.output(), "fail")
		if err == nil || !strings.Contains(panicked, filepath.Join(d.dir, "main.go")+":11") {
			t.Fatalf("%v: %s", err, panicked)
		}
		version, err := d.run(d.real["go"], "version", "-m", d.output())
		if err != nil {
			t.Fatal(err)
		}
		frames := strings.Split(panicked, "\n")
		frames = slices.DeleteFunc(frames, func(line string) bool { return strings.Contains(line, "+0x") }) // addresses
		said[real] = about + version + strings.Join(frames, "\n")
	}
	if said[false] != said[true] {
		t.Errorf("a quick build:\n%s\nthe go command's:\n%s", said[false], said[true])
	}
	d.leaveNothing()
}

// The go command must not take a quick build of another program for its own and leave it as it is.
func TestBuildAfterQuickBuild(t *testing.T) {
	d := newDesk(t)
	first := program(`"first ` + d.dir + `"`)
	d.write("main.go", first)
	d.mustBuild("first " + d.dir)
	d.write("main.go", strings.Replace(first, "first", "second", 1))
	if !d.mustBuild("second " + d.dir) {
		t.Fatal("the second build went to the go command")
	}
	d.write("main.go", first)
	if said, err := d.run(d.real["go"], "build", "-o", d.output()); err != nil {
		t.Fatal(err, said)
	}
	if printed, err := d.run(d.output()); err != nil || strings.TrimSpace(printed) != "first "+d.dir {
		t.Errorf("%v: the program printed %q", err, printed)
	}
}

// Plans grow: what was learned apart may be imported together.
func TestImportsOfSeveralCells(t *testing.T) {
	d := newDesk(t)
	d.learn("fmt", "strings")
	d.learn("strconv")
	d.main(`fmt.Sprint(strconv.Itoa(3))`, "fmt", "strconv")
	if !d.mustBuild("3") {
		t.Error("known imports, in a new combination, went to the go command")
	}
	d.main(`"none"`)
	if !d.mustBuild("none") {
		t.Error("a program without imports went to the go command")
	}
	d.main(`fmt.Sprint(bytes.Count([]byte("aa"), []byte("a")))`, "fmt", "bytes")
	if d.mustBuild("2") {
		t.Error("an import that was never seen was built without the go command")
	}
}

func TestEditedPackages(t *testing.T) {
	d := newDesk(t)
	d.write("../local/embedded/embedded.go", "package embedded\n\nimport _ \"embed\"\n\n//go:embed text/value\nvar Value string\n")
	d.write("../local/embedded/text/value", "first")
	d.learn("example.test/local", "example.test/local/embedded")

	d.write("../local/inner/inner.go", "package inner\n\nconst Value = \"second\"\n")
	d.main("local.Value()", "example.test/local")
	if d.mustBuild("second") {
		t.Error("a quick build after an edit: it cannot know")
	}
	d.main("embedded.Value", "example.test/local/embedded")
	if !d.mustBuild("first") {
		t.Error("a package that the edited one has no part in went to the go command")
	}
	d.write("../local/embedded/text/value", "later")
	d.main("embedded.Value+` `", "example.test/local/embedded")
	if d.mustBuild("later") {
		t.Error("a quick build after an edit of an embedded file")
	}
	d.learn("example.test/local", "example.test/local/embedded")

	d.write("../local/added.go", "package local\n\nfunc init() { println(\"added\") }\n")
	d.main("local.Value()", "example.test/local")
	if d.mustBuild("added\nsecond") {
		t.Error("a quick build after a file was added")
	}
	d.write("../local/inner/inner.go", "package inner\n\nconst Value = wrong\n")
	d.main("local.Value()+` `", "example.test/local")
	said, _, err := d.build()
	want, wantErr := d.run(d.real["go"], "build", "-o", d.output())
	if err == nil || wantErr == nil || said != want {
		t.Errorf("a package that does not compile: %v: %q; the go command: %v: %q", err, said, wantErr, want)
	}
}

// Errors are in the go command's own words, whether the build was quick up to there or not.
func TestCompileErrors(t *testing.T) {
	d := newDesk(t)
	d.learn("fmt")
	for name, text := range map[string]string{
		"undefined":       program("undefinedName", "fmt"),
		"unused import":   program(`"x"`, "fmt"),
		"unknown package": program("nowhere.X", "example.test/nowhere"),
		"internal":        program("abi.FuncPCABI0(nil)", "internal/abi"),
		"no main":         "package main\n\nimport _ \"fmt\"\n",
		"syntax":          "package main\n\nfunc main( {\n",
		"not main":        "package other\n",
		"no body":         "package main\n\nfunc f()\n\nfunc main() { f() }\n",
		"two":             "package main\n\nimport _ \"fmt\"\n\nfunc main() {\n\ta := 1\n\tvar s string = 2\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			d.write("main.go", text)
			said, _, err := d.build()
			want, wantErr := d.run(d.real["go"], "build", "-o", d.output())
			if said != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%v: %q\nthe go command: %v: %q", err, said, wantErr, want)
			}
		})
	}
	d.leaveNothing()
}

// All that is not exactly understood is the go command's.
func TestLeftToTheGoCommand(t *testing.T) {
	d := newDesk(t)
	d.learn()
	plain := program(`"x"`)
	for name, c := range map[string]struct {
		files map[string]string
		env   []string
		args  []string
	}{
		"cgo":             {files: map[string]string{"main.go": "package main\n\n// #define X 1\nimport \"C\"\n\nfunc main() { println(C.X) }\n"}},
		"embed":           {files: map[string]string{"main.go": "package main\n\nimport _ \"embed\"\n\n//go:embed go.mod\nvar s string\n\nfunc main() { println(len(s) > 0) }\n"}},
		"constraint":      {files: map[string]string{"main.go": "//go:build never\n\n" + plain}},
		"debug setting":   {files: map[string]string{"main.go": "//go:debug madvdontneed=1\n" + plain}},
		"second file":     {files: map[string]string{"main.go": plain, "other.go": "package main\n\nfunc init() { println(\"other\") }\n"}},
		"test":            {files: map[string]string{"main_test.go": "package main\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {}\n"}, args: []string{"test", "-c", "-o", "@"}},
		"other output":    {files: map[string]string{"main.go": plain}, args: []string{"build", "-o", "../elsewhere"}},
		"unknown flag":    {files: map[string]string{"main.go": plain}, args: []string{"build", "-o", "@", "-trimpath"}},
		"flag of GOFLAGS": {files: map[string]string{"main.go": plain}, env: []string{"GOFLAGS=-trimpath"}},
		"workspace":       {files: map[string]string{"main.go": plain, "go.work": "go 1.26\n\nuse .\n"}},
		"WebAssembly":     {files: map[string]string{"main.go": plain}, env: []string{"GOOS=js", "GOARCH=wasm", "GOFLAGS="}, args: []string{"build", "-o", "../cell.wasm"}},
		"version":         {args: []string{"version"}},
		"no cache":        {files: map[string]string{"main.go": plain}, env: []string{cell.EnvCache + "="}},
	} {
		t.Run(name, func(t *testing.T) {
			d := *d
			d.t = t
			os.Remove(filepath.Join(d.dir, "main.go"))
			for file, text := range c.files {
				d.write(file, text)
				defer os.Remove(filepath.Join(d.dir, file))
			}
			d.env = append(slices.Clip(d.env), c.env...)
			args := c.args
			if args == nil {
				args = []string{"build", "-o", "@"}
			}
			args = slices.Clone(args)
			if i := slices.Index(args, "@"); i >= 0 {
				args[i] = d.output()
			}
			os.Remove(d.trace)
			said, err := d.run(filepath.Join(d.tools, "go"), args...)
			spans, traceErr := cell.ReadTrace(d.trace)
			if traceErr != nil || len(spans) == 0 || slices.ContainsFunc(spans, func(s cell.Span) bool { return !s.Real }) {
				t.Errorf("steps: %v, %v", spans, traceErr)
			}
			want, wantErr := d.run(d.real["go"], args...)
			if said != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%v: %q; the go command: %v: %q", err, said, wantErr, want)
			}
		})
	}
}

// A change of what the build is asked to do is not answered from what was learned before.
func TestOtherSettings(t *testing.T) {
	d := newDesk(t)
	d.write("../local/tag_on.go", "//go:build on\n\npackage local\n\nconst Tag = true\n")
	d.write("../local/tag_off.go", "//go:build !on\n\npackage local\n\nconst Tag = false\n")
	d.learn("example.test/local")
	d.main("local.Tag", "example.test/local")
	if !d.mustBuild("false") {
		t.Error("the same settings went to the go command")
	}
	if d.mustBuild("true", "-tags=on") {
		t.Error("another tag was answered from memory")
	}
	if d.mustBuild("false", "-gcflags=-N") {
		t.Error("another flag was answered from memory")
	}
	d.write("go.mod", mustRead(t, filepath.Join(d.dir, "go.mod"))+"\n// another text\n")
	if d.mustBuild("false") {
		t.Error("another go.mod was answered from memory")
	}
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A build cache that was cleared, or a plan that was damaged, costs time and nothing else.
func TestLostArchives(t *testing.T) {
	d := newDesk(t)
	d.learn("fmt")
	plans, err := filepath.Glob(filepath.Join(d.cache, "plan-*.json"))
	if err != nil || len(plans) != 1 {
		t.Fatalf("plans: %v, %v", plans, err)
	}
	good := mustRead(t, plans[0])
	for name, change := range map[string]func(p map[string]any){
		"missing": func(p map[string]any) { eachPackage(p, func(c map[string]any) { c["Archive"] = "/nowhere" }) },
		"damaged": func(p map[string]any) {
			eachPackage(p, func(c map[string]any) { c["Archive"] = filepath.Join(d.dir, "go.mod") })
		},
		"out of range": func(p map[string]any) { eachPackage(p, func(c map[string]any) { c["Needs"] = []int{1 << 20} }) },
		"old":          func(p map[string]any) { p["Learned"] = time.Now().Add(-48 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			var p map[string]any
			if err := json.Unmarshal([]byte(good), &p); err != nil {
				t.Fatal(err)
			}
			change(p)
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(plans[0], text, 0o600); err != nil {
				t.Fatal(err)
			}
			d.main(`fmt.Sprint("`+name+` of `+d.dir+`")`, "fmt")
			if d.mustBuild(name + " of " + d.dir) {
				t.Error("it was built without the go command")
			}
		})
	}
	if err := os.WriteFile(plans[0], []byte(good[:len(good)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	d.main(`fmt.Sprint("half")`, "fmt")
	if d.mustBuild("half") {
		t.Error("half a plan was followed")
	}
}

func eachPackage(p map[string]any, change func(c map[string]any)) {
	for _, c := range p["Packages"].([]any) {
		change(c.(map[string]any))
	}
}

func TestTwoKernels(t *testing.T) {
	a, b := newDesk(t), newDesk(t)
	b.env = append(b.env, cell.EnvCache+"="+a.cache)
	a.learn("fmt", "os")
	var both sync.WaitGroup
	for _, d := range []*desk{a, b} {
		both.Go(func() {
			for n := range 3 {
				d.main(fmt.Sprintf(`fmt.Sprint("%d of %s")`, n, d.dir), "fmt")
				if said, quick, err := d.build(); err != nil {
					t.Errorf("quick %v: %v: %s", quick, err, said)
				}
				if printed, err := d.run(d.output()); err != nil || strings.TrimSpace(printed) != fmt.Sprintf("%d of %s", n, d.dir) {
					t.Errorf("%v: printed %q", err, printed)
				}
			}
		})
	}
	both.Wait()
}

// TestOtherHome wants a class to share what one of its members has learned, as long as its home does not say where Go's caches are.
func TestOtherHome(t *testing.T) {
	caches := []string{"GOENV=off", "GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE")}
	d := newDesk(t)
	d.env = append(d.env, caches...)
	d.learn("fmt")
	d.env = append(d.env, "HOME="+t.TempDir())
	d.main(`fmt.Sprint("of "+"another")`, "fmt")
	if !d.mustBuild("of another") {
		t.Error("with another home it went to the go command")
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}

func TestWarm(t *testing.T) {
	d := newDesk(t)
	if said, err := d.run(filepath.Join(d.tools, cell.Program), "warm", d.dir, "fmt", "strings", "sort"); err != nil {
		t.Fatal(err, said)
	}
	d.main(`fmt.Sprint(strings.ToUpper("first"))`, "fmt", "strings")
	if !d.mustBuild("FIRST") {
		t.Error("the first cell went to the go command")
	}
	d.leaveNothing()
	d.write("../local/local.go", "package local\n\nimport wrong\n")
	said, err := d.run(filepath.Join(d.tools, cell.Program), "warm", d.dir, "example.test/local")
	if err == nil || !strings.Contains(said, "go build ./...") || strings.Count(said, "\n") != 1 {
		t.Errorf("a package that does not compile: %v: %q", err, said)
	}
	d.leaveNothing()
}

// The linker of package quicklink starts before the compiler is done.
func TestEarlyLinker(t *testing.T) {
	d := newDesk(t)
	linker, err := quicklink.Build(t.Context(), d.tools)
	if err != nil {
		t.Fatal(err)
	}
	d.learn("fmt", "net/http", "os/user") // cgo in what it needs
	d.write("main.go", `package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/user"
)

func main() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "served") }))
	defer s.Close()
	reply, err := http.Get(s.URL)
	_, userErr := user.Current()
	println(reply.Status, err == nil, userErr == nil)
}
`)
	used := filepath.Join(d.dir, "used")
	wrap := func(script string) {
		t.Helper()
		if err := os.WriteFile(linker, []byte("#!/bin/sh\necho $$ >"+used+"\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(linker, linker+".real"); err != nil {
		t.Fatal(err)
	}
	wrap("exec " + linker + ".real \"$@\"")
	if said, quick, err := d.build(); err != nil || said != "" {
		t.Fatalf("quick %v: %v: %s", quick, err, said)
	}
	d.mustBuild("200 OK true true")
	if mustRead(t, used) == "" {
		t.Error("it was not used")
	}

	d.main("undefinedName", "net/http")
	if said, _, err := d.build(); err == nil || !strings.Contains(said, "undefined: undefinedName") {
		t.Errorf("%v: %s", err, said)
	}
	d.gone(mustRead(t, used))

	// Killed in the middle, a build takes its processes with it.
	wrap("exec sleep 60")
	os.Remove(used)
	d.main(`"killed"`)
	cmd := exec.Command(filepath.Join(d.tools, "go"), "build", "-o", d.output())
	cmd.Dir, cmd.Env = d.dir, d.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(used); err == nil && len(text) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no link was begun")
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	d.gone(mustRead(t, used))
	d.leaveNothing()
}

// Programs are linked to bases: those that are made ahead, or while a program runs that had none.
func TestBases(t *testing.T) {
	if !cell.HasBases() {
		t.Skip("there are no bases on this kind of machine")
	}
	d := newDesk(t)
	linker, err := quicklink.Build(t.Context(), d.tools)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(linker, linker+".real"); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(d.temp, "..", "used")
	if err := os.WriteFile(linker, []byte("#!/bin/sh\necho \"$"+cell.EnvBase+"\" >>"+used+"\nexec "+linker+".real \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	bases := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(d.cache, "base-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	// build builds a program and returns the base that it was linked to, if any.
	build := func(want, expression string, imports ...string) string {
		t.Helper()
		os.Remove(used)
		d.main(expression, imports...)
		if !d.mustBuild(want) {
			t.Fatalf("%s went to the go command", expression)
		}
		return strings.TrimSpace(mustRead(t, used))
	}
	if said, err := d.run(filepath.Join(d.tools, cell.Program), "warm", d.dir, "fmt", "strings", "runtime/debug", "os/user"); err != nil {
		t.Fatal(err, said)
	}
	ahead := bases()
	if len(ahead) != 2 {
		t.Fatalf("bases that were made ahead: %v", ahead)
	}
	small, whole := build("1", `fmt.Sprint(1)`, "fmt"), build("true", `user.Current != nil`, "os/user")
	if small == whole || !slices.Contains(ahead, small) || !slices.Contains(ahead, whole) {
		t.Errorf("without C %q, with C %q", small, whole)
	}
	if base := build("2", `strings.Repeat("2", 1)`, "strings"); base != small {
		t.Errorf("linked to %q, not to what has no C", base)
	}
	// What a program and others know of it is as the go command would have it.
	d.main("func() string { info, _ := debug.ReadBuildInfo(); return info.String() }()", "runtime/debug")
	said := map[bool]string{}
	for _, real := range []bool{false, true} {
		os.Remove(used)
		if real {
			if text, err := d.run(d.real["go"], "build", "-o", d.output()); err != nil {
				t.Fatal(err, text)
			}
		} else if _, quick, err := d.build(); !quick || err != nil || strings.TrimSpace(mustRead(t, used)) != small {
			t.Fatalf("quick %v, %v", quick, err)
		}
		of, err := d.run(d.output())
		if err != nil {
			t.Fatal(err, of)
		}
		version, err := d.run(d.real["go"], "version", "-m", d.output())
		if err != nil {
			t.Fatal(err, version)
		}
		said[real] = of + version
	}
	if said[false] != said[true] {
		t.Errorf("linked to a base:\n%s\nthe go command's:\n%s", said[false], said[true])
	}
	if left, err := filepath.Glob(filepath.Join(d.cache, "unfinished-*")); err != nil || len(left) > 0 {
		t.Errorf("left unfinished: %v, %v", left, err)
	}

	// Where nothing but a base with C is left, a program without it is linked to none, until one is made for it: that all goroutines are asleep is
	// not told in a program with C.
	if err := os.RemoveAll(small); err != nil {
		t.Fatal(err)
	}
	if base := build("3", `fmt.Sprint(3)`, "fmt"); base == whole {
		t.Error("a program without C is linked to a base with it")
	}

	// A package that a person edits is in no base, until one is made for it.
	for round := range 2 {
		d.write("../local/inner/inner.go", fmt.Sprintf("package inner\n\nconst Value = \"%d\"\n", round))
		d.learn("example.test/local")
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			if base := build(fmt.Sprint(round), "local.Value()", "example.test/local"); base != "" {
				if slices.Contains(ahead, base) {
					t.Errorf("linked to %s, made before there was this package", base)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("no base is made for the package")
			}
		}
		ahead = bases()
	}

	// A damaged base is worth nothing, and does no harm.
	for _, base := range bases() {
		if err := os.Truncate(filepath.Join(base, "image"), 100_000); err != nil {
			t.Fatal(err)
		}
	}
	build("3", `fmt.Sprint(3)`, "fmt")
	d.leaveNothing()
}

// gone waits until a process is no more.
func (d *desk) gone(id string) {
	d.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(id))
	if err != nil {
		d.t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("process %d is still there", pid)
		}
	}
}

func TestImports(t *testing.T) {
	for name, text := range map[string]string{
		"complete":        program(`fmt.Sprint(1)`, "fmt"),
		"unused":          program(`fmt.Sprint(1)`, "os", "fmt", "strings"),
		"unused block":    "package main\n\nimport (\n\t\"os\" // why\n\n\t\"fmt\"\n)\n\nfunc main() { fmt.Println() }\n",
		"all unused":      "package main\n\nimport (\n\t\"os\"\n\t\"fmt\"\n)\n\nfunc main() {}\n",
		"missing":         program(`strings.ToUpper(fmt.Sprint(1))`),
		"by what is used": program(`rand.N(3) + rand.IntN(2)`),
		"blank and dot":   "package main\n\nimport _ \"os\"\nimport . \"fmt\"\nimport \"io\"\n\nfunc main() { Println() }\n",
		"named":           "package main\n\nimport (\n\tf \"fmt\"\n\tg \"fmt\"\n)\n\nfunc main() { f.Println() }\n",
		"version path":    "package main\n\nimport \"math/rand/v2\"\n\nfunc main() { println(rand.N(1)) }\n",
		"a variable":      "package main\n\nimport \"strings\"\n\ntype T struct{ X int }\n\nfunc main() { strings := T{}; println(strings.X) }\n",
		"of the module":   program("local.Value()"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.write("main.go", text)
			if said, err := d.run(d.real["goimports"], "-w", filepath.Join(d.dir, "main.go")); err != nil {
				t.Fatal(err, said)
			}
			want := imported(t, d)
			for _, time := range []string{"first", "second"} {
				d.write("main.go", text)
				os.Remove(d.trace)
				if said, err := d.run(filepath.Join(d.tools, "goimports"), "-w", filepath.Join(d.dir, "main.go")); err != nil {
					t.Fatal(err, said)
				}
				if got := imported(t, d); !slices.Equal(got, want) {
					t.Errorf("the %s time it imports %q, goimports %q", time, got, want)
				}
				spans, err := cell.ReadTrace(d.trace)
				spans = slices.DeleteFunc(spans, func(s cell.Span) bool { return s.Phase != "goimports" }) // what goimports asks of go
				if err != nil || len(spans) != 1 || spans[0].Real && time == "second" {
					t.Errorf("the %s time: %v, %v", time, spans, err)
				}
			}
		})
	}
	d := newDesk(t)
	d.write("main.go", "package main\n\nfunc main( {\n")
	said, err := d.run(filepath.Join(d.tools, "goimports"), "-w", filepath.Join(d.dir, "main.go"))
	want, wantErr := d.run(d.real["goimports"], "-w", filepath.Join(d.dir, "main.go"))
	if said != want || fmt.Sprint(err) != fmt.Sprint(wantErr) || err == nil {
		t.Errorf("a syntax error: %v: %q; goimports: %v: %q", err, said, wantErr, want)
	}
}

// imported lists the imports of main.go.
func imported(t *testing.T, d *desk) []string {
	t.Helper()
	text, err := d.run(d.real["go"], "list", "-e", "-f", "{{range .Imports}}{{.}} {{end}}", "main.go")
	if err != nil {
		t.Fatal(err, text)
	}
	return strings.Fields(text)
}

func TestUsedByItself(t *testing.T) {
	var said bytes.Buffer
	if status := cell.Main([]string{cell.Program}, io.Discard, &said); status != 2 || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("status %d: %q", status, said.String())
	}
}
