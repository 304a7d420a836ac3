package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/internal/racing"
)

const patience = racing.Slower * 60 * time.Second

// bench is an engine and what it has said about the cell that runs.
type bench struct {
	*Engine
	t     *testing.T
	temp  string
	done  <-chan wire.Done // of the cell that runs
	asked chan wire.Ask
	begun chan wire.Running

	mu          sync.Mutex
	happened    []*strings.Builder // what was printed and shown, in order, runs of one stream together
	kind        string             // of the last
	places      []wire.Place
	definitions string
	slow        func() // called for each piece of text; nil: nothing
	last        int
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func newBench(t *testing.T) *bench {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "gonb_0badcafe")
	made := filepath.Join(base, "module")
	for _, d := range []string{dir, made} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteModule(root(t), made, "gonb_0badcafe"); err != nil {
		t.Fatal(err)
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := os.Getenv("GANTRY_BIN") // as in the tests of package kernel
	if bin == "" {
		bin = filepath.Join(root(t), "bin")
	}
	b := &bench{t: t, temp: base, asked: make(chan wire.Ask, 16), begun: make(chan wire.Running, 64)}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b.Engine, err = Start(ctx, Config{
		Program: filepath.Join(bin, Program), Dir: base, Log: t.Output(),
		Environment: append(os.Environ(), "TMPDIR="+base, "GOTMPDIR="+base, "GOFLAGS="+BuildFlags(os.Getenv("GOFLAGS"))),
		Begin:       wire.Begin{ID: "0badcafe", Dir: dir, Module: made, Copy: CopiedModule(root(t)), Go: goTool, Goimports: filepath.Join(bin, "goimports")},
	}, b.events())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

func (b *bench) events() Events {
	add := func(what, text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := len(b.happened); n == 0 || b.kind != what || what == "shown" {
			b.happened, b.kind = append(b.happened, &strings.Builder{}), what
			b.happened[n].WriteString(what + ": ")
		}
		b.happened[len(b.happened)-1].WriteString(text)
	}
	return Events{
		Printed: func(stderr bool, text []byte) {
			if b.slow != nil {
				b.slow()
			}
			if stderr {
				add("err", string(text))
			} else {
				add("out", string(text))
			}
		},
		Display: func(d wire.Display) {
			var content struct{ Data map[string]string }
			json.Unmarshal(d.Content, &content)
			add("shown", content.Data["text/html"])
		},
		Ask: func(a wire.Ask) { b.asked <- a },
		Running: func(r wire.Running) {
			b.mu.Lock()
			b.places = r.Lines
			b.mu.Unlock()
			b.begun <- r
		},
		Definitions: func(d wire.Definitions) {
			b.mu.Lock()
			b.definitions = d.Source
			b.mu.Unlock()
		},
		ToPage: func(c wire.Comm) { add("comm", c.Type) },
	}
}

// begin runs a cell, its lines given one by one, and returns its number.
func (b *bench) begin(lines ...string) int {
	b.t.Helper()
	b.mu.Lock()
	b.happened = nil
	b.mu.Unlock()
	b.last++
	var err error
	if b.done, err = b.Run(wire.Cell{ID: b.last, Code: strings.Join(lines, "\n"), AllowStdin: true}); err != nil {
		b.t.Fatal(err)
	}
	return b.last
}

// end waits for the end of the cell.
func (b *bench) end() (wire.Done, string) {
	b.t.Helper()
	select {
	case d := <-b.done:
		for len(b.begun) > 0 {
			<-b.begun
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return d, b.said()
	case <-b.Exited:
		b.t.Fatal(b.Err())
	case <-time.After(patience):
		b.t.Fatal("the cell does not end")
	}
	return wire.Done{}, ""
}

// said is all that has happened; b.mu is held.
func (b *bench) said() string {
	var all []string
	for _, each := range b.happened {
		all = append(all, each.String())
	}
	return strings.Join(all, "|")
}

// runs wants a cell to end well, with just this output.
func (b *bench) runs(want string, lines ...string) {
	b.t.Helper()
	b.begin(lines...)
	if d, got := b.end(); d.Failure != "" || got != want {
		b.t.Errorf("%q: %+v, %q; want %q", lines, d, got, want)
	}
}

func (b *bench) await(what string) {
	b.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		b.mu.Lock()
		got := b.said()
		b.mu.Unlock()
		if strings.Contains(got, what) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%q does not come: %q", what, got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestDeclarations lets declarations live on, replaces and removes them.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.runs("", "func f() int { return 1 }", "type T struct{ A int }", "var v = 40", "const c = 1")
	b.runs("out: 42 {3}\n", "%%", "fmt.Println(f()+v+c, T{3})")
	b.runs("", "func f() int { return 2 }")
	b.runs("out: 2\n", "%%", "fmt.Println(f())")
	if !strings.Contains(b.definitions, "func f() int { return 2 }") || !strings.Contains(b.definitions, "v = 40") {
		t.Errorf("definitions:\n%s", b.definitions)
	}
	b.runs("out: . removed func f\n", "%rm f")
	if strings.Contains(b.definitions, "func f()") {
		t.Errorf("definitions:\n%s", b.definitions)
	}
	b.begin("%%", "fmt.Println(f())")
	if d, _ := b.end(); d.Failure != wire.Rejected {
		t.Errorf("%+v", d)
	}
	b.runs("out: * State reset: all memorized declarations discarded.\n", "%reset")
	b.runs("out: 6\n", "import \"gantry.local/kernel-ext/show\"", "var _ = show.Clear", "%%", "fmt.Println(6)")
}

// TestCommands runs what cells have beside Go.
func TestCommands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.runs("out: Set: A_NAME=\"a value\"\na value\n", "%env A_NAME \"a value\"", "%%", "fmt.Println(os.Getenv(\"A_NAME\"))")
	b.runs("out: [-x y z]\n", "%args -x \"y z\"", "func main() { fmt.Println(os.Args[1:]) }")
	b.runs("out: a b\n", "!echo a \\", "b")
	b.runs("out: "+filepath.Join(b.temp, "gonb_0badcafe")+"\n", "!*pwd")
	other := filepath.Join(b.temp, "module")
	b.runs("out: Changed directory to "+fmt.Sprintf("%q", other)+"\n"+other+"\n", "%cd "+other, "!pwd")
	b.runs("out: x y\n", "%%bash", "echo x \\", "  y")
	b.runs("out: 3 a b\n", "%%script bash -c \"read w; echo $w $1 $2\" bash a b", "3")
	b.runs("out: hi\n", "func hi() { fmt.Println(\"hi\") }", "%exec hi")
	b.runs("err: Cell contents written to \"note\".\n", "%%writefile note", "text")
	b.begin("%test", "func TestOne(t *testing.T) { t.Log(\"seen\") }")
	if d, got := b.end(); d.Failure != "" || !strings.Contains(got, "main_test.go:") || !strings.Contains(got, "PASS") {
		t.Errorf("%+v %q", d, got)
	}
	b.runs("out: to the file\n", "%capture captured", "%%", "fmt.Println(\"to the file\")")
	b.runs("out: to the file\n", "!cat captured")
	b.begin("%list")
	if d, got := b.end(); d.Failure != "" || !strings.Contains(got, "hi") {
		t.Errorf("%+v %q", d, got)
	}
	b.begin("%track")
	if d, got := b.end(); d.Failure != "" || !strings.Contains(got, "<li>"+root(t)+"</li>") {
		t.Errorf("the project's folder is not among those tracked: %+v %q", d, got)
	}
	b.begin("%nothing")
	if d, got := b.end(); d.Failure != "" || got != "err: \"%nothing\" unknown or not implemented yet." {
		t.Errorf("%+v %q", d, got)
	}
	b.begin("!echo first", "!exit 3", "!echo never")
	if d, got := b.end(); d.Failure != wire.Shelled || d.Line != 1 || d.Status != 3 || d.Words != "exit status 3" || got != "out: first\n" {
		t.Errorf("%+v %q", d, got)
	}
	b.begin("%%script")
	if d, _ := b.end(); d.Failure != wire.Refused {
		t.Errorf("%+v", d)
	}
}

// TestWorkspace fixes a workspace that has GoNB's module in another place, and one that has not.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	source := CopiedModule(root(t))
	b.begin("!*cp -r "+source+" "+b.temp+"/other && go work init && go work use . "+b.temp+"/other", "%goworkfix", "!*cat go.mod")
	if d, got := b.end(); d.Failure != "" || !strings.Contains(got, "Added replace rule for module") || strings.Contains(got, "gonb => "+source) {
		t.Errorf("%+v %q", d, got)
	}
	b.runs("out: * State reset: all memorized declarations discarded.\n", "%reset")
	b.begin("!*rm go.work; go work init && go work use .", "%goworkfix", "!*cat go.mod")
	if d, got := b.end(); d.Failure != "" || !strings.Contains(got, "gonb => "+source) {
		t.Errorf("%+v %q", d, got)
	}
}

// TestPlaces finds what the compiler, a panic and the program's end say in the cells.
func TestPlaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.runs("", "", "func broken(p *int) int {", "\treturn *p", "}")
	b.begin("%%", "x := 1", "fmt.Println(undefinedName)")
	d, _ := b.end()
	var found []wire.Said
	for _, s := range d.Said {
		if s.At.Cell > 0 {
			found = append(found, s)
		}
	}
	if d.Failure != wire.Rejected || len(found) != 2 || found[0].At != (wire.Place{Cell: 2, Line: 1}) || found[1].At != (wire.Place{Cell: 2, Line: 2}) ||
		found[1].Text != "undefined: undefinedName" || found[1].Column != 13 {
		t.Errorf("%+v", d)
	}
	b.begin("%%", "if {", "}")
	if d, _ := b.end(); d.Failure != wire.Rejected || d.Said[0].At != (wire.Place{Cell: 3, Line: 1}) {
		t.Errorf("%+v", d)
	}
	b.begin("func g() {", "%%", "fmt.Println()")
	if d, _ := b.end(); d.Failure != wire.Rejected || d.Said[0].At.Cell != 4 {
		t.Errorf("%+v", d)
	}
	b.begin("%%", "fmt.Println(\"before\")", "broken(nil)")
	d, got := b.end()
	if d.Failure != wire.Exited || d.Status != 2 || !strings.HasPrefix(got, "out: before\n|err: panic: ") {
		t.Errorf("%+v %q", d, got)
	}
	for text, want := range map[string]wire.Place{"broken": {Cell: 1, Line: 2}, "main.main": {Cell: 5, Line: 2}} {
		_, after, _ := strings.Cut(got, text+"(")
		var line int
		_, after, _ = strings.Cut(after, "main.go:")
		fmt.Sscan(strings.Fields(after)[0], &line)
		if line < 1 || line > len(b.places) || b.places[line-1] != want {
			t.Errorf("%s is in line %d of the file: %+v, want %+v\n%s", text, line, b.places, want, got)
		}
	}
	b.begin("%%", "os.Exit(7)")
	if d, _ := b.end(); d.Failure != wire.Exited || d.Words != "exit status 7" || d.Status != 7 {
		t.Errorf("%+v", d)
	}
	b.begin("%%", "syscall.Kill(os.Getpid(), syscall.SIGKILL)", "time.Sleep(time.Hour)")
	if d, _ := b.end(); d.Failure != wire.Exited || d.Words != "signal: killed" || d.Status != -1 {
		t.Errorf("%+v", d)
	}
}

// TestInput answers questions.
func TestInput(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, command := range []string{"%with_inputs", "%with_password"} {
		id := b.begin(command, "!read a; read b; echo $a-$b")
		for _, word := range []string{"one", "two"} {
			a := <-b.asked
			if a.Cell != id || a.Password != (command == "%with_password") {
				t.Errorf("%+v", a)
			}
			b.Answer(id, word)
		}
		if d, got := b.end(); d.Failure != "" || got != "out: one-two\n" {
			t.Errorf("%+v %q", d, got)
		}
	}
	id := b.begin("import \"github.com/janpfeifer/gonb/gonbui\"", "%%", "gonbui.RequestInput(\"name? \", false)",
		"var name string", "fmt.Scanln(&name)", "fmt.Println(\"hello\", name)")
	if a := <-b.asked; a.Prompt != "name? " || a.Cell != id {
		t.Errorf("%+v", a)
	}
	b.Answer(id-1, "nobody") // not this cell's
	b.Answer(id, "Ada")
	if d, got := b.end(); d.Failure != "" || got != "out: hello Ada\n" {
		t.Errorf("%+v %q", d, got)
	}
}

// TestStops interrupts a cell in each of its phases, and cells that are over.
func TestStops(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, test := range []struct {
		name  string
		lines []string
		when  func()
		want  string
	}{
		{"program", []string{"%%", "fmt.Println(\"begun\")", "time.Sleep(time.Hour)"}, func() { b.await("begun") }, "out: begun\n"},
		{"in order", []string{"import \"os/signal\"", "%%", "c := make(chan os.Signal, 1)", "signal.Notify(c, os.Interrupt)", "fmt.Println(\"begun\")",
			"<-c", "fmt.Println(\"in order\", exec.Command(\"true\").Run())"}, func() { b.await("begun") }, "out: begun\nin order <nil>\n"},
		{"shell", []string{"!echo begun; sleep 1000; echo rest", "!echo next", "%%", "fmt.Println(\"never\")"}, func() { b.await("begun") }, "out: begun\n"},
		{"background", []string{"!sleep 1001 & echo begun; wait"}, func() { b.await("begun") }, "out: begun\n"},
		{"build", []string{"%%", "fmt.Println(\"never\")", strings.Repeat("fmt.Println()\n", 20000)}, func() { b.awaitProcess("compile") }, ""},
		{"goimports", []string{"%%", "fmt.Println(\"never\")", "nowhere.X()", strings.Repeat("fmt.Println()\n", 20000)}, func() { b.awaitProcess("goimports") }, ""},
		{"at once", []string{"%%", "fmt.Println(\"never\")"}, func() {}, ""},
	} {
		id := b.begin(test.lines...)
		test.when()
		b.Interrupt(id - 1)
		b.Interrupt(id + 1)
		begun := time.Now()
		b.Interrupt(id)
		d, got := b.end()
		if !d.Stopped || got != test.want {
			t.Errorf("%s: %+v %q", test.name, d, got)
		}
		if took := time.Since(begun); took > racing.Slower*3*time.Second {
			t.Errorf("%s: %s", test.name, took)
		}
		if names := b.processes(); len(names) != 0 {
			t.Errorf("%s leaves %v", test.name, names)
		}
	}
	id := b.begin("import \"os/signal\"", "%%", "signal.Ignore(os.Interrupt)", "fmt.Println(\"begun\")", "time.Sleep(time.Hour)")
	b.await("begun")
	b.Interrupt(id)
	b.Kill(id)
	if d, _ := b.end(); !d.Stopped || d.Words != "signal: killed" {
		t.Errorf("%+v", d)
	}
	b.runs("out: after\n", "%%", "fmt.Println(\"after\")")
}

// processes are the names of what the engine has started.
func (b *bench) processes() []string {
	out, _ := exec.Command("ps", "-s", fmt.Sprint(b.PID), "-o", "stat=,comm=").Output()
	var names []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[1] != Program && fields[0][0] != 'Z' {
			names = append(names, fields[1])
		}
	}
	return names
}

func (b *bench) awaitProcess(name string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		for _, found := range b.processes() {
			if found == name {
				return
			}
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("no process %s", name)
		}
	}
}

// TestOrder prints and shows in turn: order on the page is order in the program, though the program waits for nothing.
func TestOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const turns = 1000
	var want []string
	for i := range turns {
		want = append(want, fmt.Sprintf("out: %d\n", i), fmt.Sprintf("shown: %d", i))
	}
	b.runs(strings.Join(want, "|")+"|out: end\n", "import \"github.com/janpfeifer/gonb/gonbui\"", "%%", fmt.Sprintf("for i := range %d {", turns),
		"fmt.Println(i)", "gonbui.DisplayHTML(fmt.Sprint(i))", "}", "fmt.Println(\"end\")")
}

// TestNobodyListens has a program send displays by the pipe itself, one by one, and not read what has been taken: more than
// the pipe for that has room for.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin("import (", "\"encoding/gob\"", "\"github.com/janpfeifer/gonb/gonbui/protocol\"", ")", "%%",
		"f, err := os.OpenFile(os.Getenv(\"GONB_PIPE\"), os.O_WRONLY, 0)", "if err != nil { panic(err) }", "e := gob.NewEncoder(f)",
		"for range 9_000 {", "e.Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{\"text/html\": \"x\"}})",
		"time.Sleep(50*time.Microsecond)", "}")
	if d, got := b.end(); d.Failure != "" || strings.Count(got, "shown: x") != 9_000 {
		t.Errorf("%+v, %d shown", d, strings.Count(got, "shown: x"))
	}
}

// TestMuch prints more than fits anywhere, to a kernel that is slow.
func TestMuch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	total, pieces := 0, 0
	b.slow = func() { pieces++ }
	b.begin("%%", "line := strings.Repeat(\"x\", 999) + \"\\n\"", "for range 100_000 { os.Stdout.WriteString(line) }")
	d, got := b.end()
	if total = len(got) - len("out: "); d.Failure != "" || total != 100_000_000 {
		t.Errorf("%+v, %d bytes in %d pieces", d, total, pieces)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", b.PID))
	if err == nil {
		var pages, resident int
		fmt.Sscan(string(text), &pages, &resident)
		if size := resident * os.Getpagesize(); size > 100<<20 {
			t.Errorf("the engine has %d MB", size>>20)
		}
	}
}

// TestEndings ends engines in the middle of a cell.
func TestEndings(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *bench){
		"stopped":             func(b *bench) { b.Stop() },
		"killed":              func(b *bench) { syscall.Kill(b.PID, syscall.SIGKILL) },
		"its socket is gone":  func(b *bench) { b.conn.Close() },
		"a frame of no kind":  func(b *bench) { b.conn.SendBytes(99, nil) },
		"a frame of no sense": func(b *bench) { b.conn.SendBytes(wire.KindRun, []byte("{")) },
		"a cell too early":    func(b *bench) { b.conn.Send(wire.KindRun, wire.Cell{ID: 2}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.begin("!sleep 1000 & echo begun; wait")
			b.await("begun")
			end(b)
			select {
			case <-b.Exited:
			case <-time.After(racing.Slower * 5 * time.Second):
				t.Fatal("it is still there")
			}
			if names := b.processes(); len(names) != 0 {
				t.Errorf("leaves %v", names)
			}
			select {
			case <-b.done:
			case <-time.After(patience):
				t.Error("who waits for the end of its cell waits for ever")
			}
			if _, err := b.Run(wire.Cell{ID: 4}); err == nil {
				t.Error("a cell can be run still")
			}
		})
	}
}

// TestTwo runs two engines at once.
func TestTwo(t *testing.T) {
	t.Parallel()
	a, b := newBench(t), newBench(t)
	a.runs("", "func who() string { return \"a\" }")
	b.runs("", "func who() string { return \"b\" }")
	a.runs("out: a\n", "%%", "fmt.Println(who())")
	b.runs("out: b\n", "%%", "fmt.Println(who())")
}
