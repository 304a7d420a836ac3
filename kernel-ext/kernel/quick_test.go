package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
)

// An edit of a package of the project is seen by the next cell, however quick cells were before.
func TestEditedPackage(t *testing.T) {
	if _, err := os.Stat(filepath.Join(filepath.Dir(enginePath(t)), cellbuild.Program)); err != nil {
		t.Fatalf("%s is missing: run make build", cellbuild.Program)
	}
	project, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(project, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module gantry.local\n\ngo 1.26\n")
	write("go.sum", "")
	write("value/value.go", "package value\n\nconst V = \"first\"\n")
	c := startKernel(t, "GANTRY_TEST_PROJECT="+project, cellbuild.EnvCache+"="+t.TempDir(), cellbuild.EnvTrace+"="+trace)

	// Quick steps of the cell that was run last.
	quick := func() bool {
		t.Helper()
		spans, err := cellbuild.ReadTrace(trace)
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(trace)
		return slices.ContainsFunc(spans, func(s cellbuild.Span) bool { return s.Phase == "link" && !s.Real })
	}
	const imports = "import (\n\t\"fmt\"\n\n\t\"gantry.local/value\"\n)\n"
	n := 0
	run := func(want string) bool {
		t.Helper()
		n++
		c.mustRun(fmt.Sprintf("%sfunc main() { fmt.Println(value.V, %d) }", imports, n), fmt.Sprint(want, " ", n))
		return quick()
	}
	deadline := time.Now().Add(20 * second)
	for !run("first") {
		if time.Now().After(deadline) {
			t.Fatal("the same cell again and again is still built by the go command")
		}
		time.Sleep(300 * time.Millisecond) // between two looks: an edit must have rested
	}
	write("value/value.go", "package value\n\nconst V = \"second\"\n")
	run("second")

	// What fails to compile is said as the go command says it, with the cell's line.
	write("value/value.go", "package value\n\nconst V = wrong\n")
	if r := c.run(imports + "func main() { fmt.Println(value.V) }"); r.status != "error" || !strings.Contains(fmt.Sprint(r), "undefined: wrong") {
		t.Errorf("a package that does not compile: %+v", r)
	}
	write("value/value.go", "package value\n\nconst V = \"third\"\n")
	run("third")

	// Imports that a cell leaves out are found, those of earlier cells that it does not use are no mistake.
	for range 2 {
		c.mustRun("func main() { fmt.Println(strings.ToUpper(\"found\")) }", "FOUND")
	}
}

// A kernel learns ahead how cells are built, and ends in the middle of that as at any other time.
func TestAhead(t *testing.T) {
	cache, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	project := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module " + "gantry.local" + "\n\ngo 1.26\n", "go.sum": ""} {
		if err := os.WriteFile(filepath.Join(project, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"GANTRY_TEST_AHEAD=1", "GANTRY_TEST_PROJECT=" + project, cellbuild.EnvCache + "=" + cache, cellbuild.EnvTrace + "=" + trace}
	plans := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(cache, "plan-*.json"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	ended := startKernel(t, env...)
	deadline := time.Now().Add(20 * second)
	for len(usersNamed(t, ended.temp, cellbuild.Program)) == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%s is not started", cellbuild.Program)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	ended.process.Process.Signal(syscall.SIGTERM)
	<-ended.exited
	ended.leaves(t, 2*second) // gopls has a helper that ends when it notices gopls' end

	c := startKernel(t, env...)
	for deadline := time.Now().Add(cellPatience); len(plans()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was learned")
		}
	}
	os.Remove(trace)
	c.mustRun("import (\n\t\"fmt\"\n\t\"strings\"\n)\nfunc main() { fmt.Println(strings.ToUpper(\"first\")) }", "FIRST")
	spans, err := cellbuild.ReadTrace(trace)
	if err != nil || len(spans) == 0 || slices.ContainsFunc(spans, func(s cellbuild.Span) bool { return s.Real }) {
		t.Errorf("the first cell: %v, %v", spans, err)
	}
}

// usersNamed lists the processes that use a folder and have a name.
func usersNamed(t *testing.T, folder, name string) []string {
	return slices.DeleteFunc(usersOf(t, folder), func(user string) bool { return nameOf(user) != name })
}
