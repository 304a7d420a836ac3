package kernel

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// ending is all that a front-end hears of a cell that fails.
type ending struct {
	ename, evalue, traceback string // of the reply, without colours
	stdout, stderr           string
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// fail executes a cell that is to fail, and checks what every failing cell must do: one error message whose content is
// that of the reply, behind all output and before the reply's idle state.
func (c *client) fail(code string) ending {
	c.t.Helper()
	return c.failed(c.execute(code))
}

func (c *client) failed(id string) ending {
	c.t.Helper()
	var e ending
	var told []map[string]any
	c.next(c.iopub, cellPatience, "idle state", func(m received) bool {
		if m.parent.MsgID != id {
			return false
		}
		switch m.header.MsgType {
		case "stream":
			if len(told) > 0 {
				c.t.Errorf("output behind the error: %v", m.content)
			}
			if m.content["name"] == "stdout" {
				e.stdout += m.content["text"].(string)
			} else {
				e.stderr += m.content["text"].(string)
			}
		case "error":
			told = append(told, m.content)
		}
		return m.header.MsgType == "status" && m.content["execution_state"] == "idle"
	})
	reply := c.next(c.shell, cellPatience, "execute_reply", answers(id, "execute_reply")).content
	if reply["status"] != "error" {
		c.t.Fatalf("a failing cell ended with %v; it printed %q and %q", reply, e.stdout, e.stderr)
	}
	lines := texts(reply["traceback"])
	if len(told) != 1 || told[0]["ename"] != reply["ename"] || told[0]["evalue"] != reply["evalue"] ||
		!slices.Equal(texts(told[0]["traceback"]), lines) {
		c.t.Errorf("error messages %v, reply %v", told, reply)
	}
	e.ename, e.evalue = reply["ename"].(string), reply["evalue"].(string)
	e.traceback = colours.ReplaceAllString(strings.Join(lines, "\n"), "")
	return e
}

func texts(list any) []string {
	var out []string
	for _, text := range list.([]any) {
		out = append(out, text.(string))
	}
	return out
}

// TestErrors runs every kind of failure on one kernel.
func TestErrors(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello") // cell 1
	c.mustRun("func fragile(xs []int, i int) int {\n\n\treturn xs[i]\n}\nvar unused = 1", "")

	for _, test := range []struct {
		name, code    string
		ename, evalue string
		trace         []string // in the traceback, in this order
		stdout        string
		stderr        string
	}{{
		name: "panic", code: "import \"fmt\"\n%%\nfmt.Println(\"before\")\nfmt.Fprintln(os.Stderr, \"warned\")\nif len(os.Args) > 0 {\n\tpanic(\"boom\")\n}",
		ename: "panic", evalue: "boom", stdout: "before\n", stderr: "warned\n",
		trace: []string{"panic: boom\n", "cell [3], line 6, in main:", "->    6 │     panic(\"boom\")"},
	}, {
		name: "runtime error in an earlier cell's function", code: "%%\nfmt.Print(\"half a line\")\nfragile([]int{1}, 5)",
		ename: "runtime error", evalue: "index out of range [5] with length 1", stdout: "half a line",
		trace: []string{"runtime error: index out of range [5] with length 1\n", "cell [2], line 3, in fragile:",
			"->    3 │     return xs[i]", "cell [4], line 3, in main:", "fragile([]int{1}, 5)"},
	}, {
		name: "nil pointer", code: "func main() {\n\tvar p *struct{ x int }\n\tfmt.Println(p.x)\n}",
		ename: "runtime error", evalue: "invalid memory address or nil pointer dereference",
		trace: []string{"cell [5], line 3, in main:", "fmt.Println(p.x)"},
	}, {
		name: "error of several lines", code: "%%\npanic(fmt.Errorf(\"one\\ntwo\"))",
		ename: "panic", evalue: "one\n\ttwo", trace: []string{"cell [6], line 2, in main:"},
	}, {
		name: "panic in a goroutine", code: "import \"sync\"\n%%\nvar g sync.WaitGroup\ng.Add(1)\ngo func() {\n\tpanic(\"inside\")\n}()\ng.Wait()",
		ename: "panic", evalue: "inside",
		trace: []string{"cell [7], line 6, in a function literal of main", "panic(\"inside\")", "cell [7], line 5, which started this goroutine, in main:", "go func() {"},
	}, {
		name: "deadlock", code: "%%\nselect {}",
		ename: "fatal error", evalue: "all goroutines are asleep - deadlock!", trace: []string{"cell [8], line 2, in main:", "select {}"},
	}, {
		name: "panic in a library", code: "import \"strings\"\n%%\nfmt.Println(strings.Repeat(\"x\", -1))",
		ename: "panic", evalue: "strings: negative Repeat count",
		trace: []string{"in strings.Repeat, ", "cell [9], line 3, in main:"},
	}, {
		name: "panic with more traces than are held back", code: "%%\nf := func(string) { select {} }\nfor range 7000 {\n\tgo f(\"\")\n}\nselect {}",
		ename: "fatal error", evalue: "all goroutines are asleep - deadlock!", stderr: "goroutine 7",
		trace: []string{"cell [10], line 6, in main:"},
	}, {
		name: "out of memory", code: "%%\nxs := make([]byte, 1<<45)\nfmt.Println(len(xs))",
		ename: "fatal error", evalue: "out of memory", trace: []string{"cell [11], line 2, in main:", "make("},
	}, {
		name: "os.Exit", code: "import \"os\"\n%%\nfmt.Println(\"before\")\nos.Exit(3)",
		ename: "exit", evalue: "exit status 3", stdout: "before\n", trace: []string{"cell [12], line 4:", "->    4 │ os.Exit(3)"},
	}, {
		name: "log.Fatal", code: "import \"log\"\n%%\nlog.SetFlags(0)\nlog.Fatal(\"no such file\")",
		ename: "exit", evalue: "exit status 1: no such file", stderr: "no such file\n", trace: []string{"cell [13], line 4:", "log.Fatal"},
	}, {
		name: "compile errors", code: "import \"fmt\"\n\nfunc main() {\n\tx := missing\n\tfmt.Println(undefinedThing)\n}",
		ename: "compile error", evalue: "undefined: missing (and 1 more problem)",
		trace: []string{"cell [14], line 4:", "->    4 │     x := missing", "        │          ^", "cell [14], line 5: undefined: undefinedThing", "        │                 ^"},
	}, {
		name: "compile error in a declaration that GoNB writes anew", code: "var  wrong int = \"text\"\n%%\nfmt.Println(wrong)",
		ename: "compile error", evalue: "cannot use \"text\" (untyped string constant) as int value in variable declaration",
		trace: []string{"cell [15], line 1:", "var  wrong int = \"text\""},
	}, {
		name: "syntax error", code: "func broken( {\n}",
		ename: "compile error", evalue: "expected ')', found '{'", trace: []string{"cell [16], line 1:", "func broken( {"},
	}, {
		name: "module that is not required", code: "import \"example.test/absent\"\nfunc main() { absent.F() }",
		ename: "compile error", evalue: "no required module provides package example.test/absent",
		trace: []string{"to add it run, in a cell: !*go get example.test/absent\ncell [17], line 1:", "import"},
	}, {
		name: "shell line", code: "!echo fine\n!echo out; echo err >&2; (exit 7)\n!echo never\n%%\nfmt.Println(\"never\")",
		ename: "shell", evalue: "!echo out; echo err >&2; (exit 7): exit status 7", stdout: "fine\nout\n", stderr: "err\n",
		trace: []string{"cell [18], line 2:", "->    2 │ !echo out"},
	}, {
		name: "the same shell line, the second time", code: "!true\n\n!test ! -e mark\n!test ! -e mark && touch mark\n!rm mark; test -e mark",
		ename: "shell", evalue: "!rm mark; test -e mark: exit status 1", trace: []string{"cell [19], line 5:"},
	}, {
		name: "script", code: "%%bash\necho one\nexit 4\n", ename: "shell", evalue: "%%bash: exit status 4", stdout: "one\n",
		trace: []string{"cell [20], line 1:"},
	}, {
		name: "script of another language", code: "%%script sh -e\necho one\nfalse\necho two", ename: "shell",
		evalue: "%%script sh -e: exit status 1", stdout: "one\n", trace: []string{"cell [21], line 1:"},
	}, {
		name: "unknown folder", code: "%cd /nonexistent/folder", ename: "error", evalue: "nonexistent", trace: []string{"cell [22]"},
	}, {
		name: "test", code: "import \"testing\"\n%test\nfunc TestIt(t *testing.T) {\n\tt.Error(\"wrong\")\n}",
		ename: "test", evalue: "wrong", stdout: "FAIL: TestIt", trace: []string{"test: wrong\ncell [23], line 4: wrong", "t.Error(\"wrong\")"},
	}, {
		name: "captured panic", code: "%capture " + t.TempDir() + "/said\n%%\nfmt.Println(\"kept\")\npanic(\"aloud\")",
		ename: "panic", evalue: "aloud", stdout: "kept\n", trace: []string{"cell [24], line 4, in main:"},
	}, {
		name: "abort, as of a library in C", code: "%%\nfunc() {\n\tsyscall.Kill(os.Getpid(), syscall.SIGABRT)\n\ttime.Sleep(time.Minute)\n}()",
		ename: "SIGABRT", evalue: "abort", trace: []string{"SIGABRT: abort\n", "cell [25], line ", "in a function literal of main:", "in main:"},
	}, {
		name: "missing brace", code: "%%\nif len(os.Args) > 0 {\n",
		ename: "compile error", evalue: "expected '}'", trace: []string{"cell [26], line 2:", "->    2 │ if"},
	}} {
		t.Run(test.name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			e := c.fail(test.code)
			t.Logf("%s | %s | %q %q\n%s", e.ename, e.evalue, e.stdout, e.stderr, e.traceback)
			if e.ename != test.ename || !strings.Contains(e.evalue, test.evalue) {
				t.Errorf("%s: %s, want %s: %s", e.ename, e.evalue, test.ename, test.evalue)
			}
			if !strings.Contains(e.stdout, test.stdout) || test.stdout == "" && e.stdout != "" ||
				!strings.Contains(e.stderr, test.stderr) || test.stderr == "" && e.stderr != "" {
				t.Errorf("printed %q and %q, want %q and %q", e.stdout, e.stderr, test.stdout, test.stderr)
			}
			rest := e.traceback
			for _, want := range test.trace {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("%q is not there, or not in this order", want)
				}
				rest = after
			}
			for _, noise := range []string{"goroutine ", "+0x", "runtime.", "main.go", "gonb_", "exit status 2"} {
				if strings.Contains(e.traceback, noise) {
					t.Errorf("the traceback says %q", noise)
				}
			}
		})
	}
	c.mustRun(hello, "hello")
}

// TestTerminalStaysQuiet has cells fail in every way, and GoNB complain: nothing of it is said in the terminal of JupyterLab,
// where a kernel's log comes out.
func TestTerminalStaysQuiet(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	for _, code := range []string{
		"%%\nundefinedThing()", "func {", "%%\nif {", "%%\npanic(\"boom\")", "%%\nos.Exit(3)", "%%\nsyscall.Kill(os.Getpid(), syscall.SIGKILL)\nselect {}",
		"!exit 4", "%%script", "%cd /nowhere", "import \"example.test/absent\"\n%%\nabsent.F()", "%test\nfunc TestIt(t *testing.T) { t.Fatal(\"wrong\") }",
	} {
		if r := c.run(code); r.status != "error" && code != "%cd /nowhere" {
			t.Errorf("%q: %+v", code, r)
		}
	}
	for _, code := range []string{"%nothing", "%rm nothing", "%track /nowhere", "%untrack /nowhere",
		"import \"github.com/janpfeifer/gonb/gonbui/comms\"\n%%\ncomms.Send(\"/x\", 1)",
		"%%\nf, _ := os.OpenFile(os.Getenv(\"GONB_PIPE\"), os.O_WRONLY, 0)\nf.WriteString(strings.Repeat(\"no gob \", 1000))"} {
		c.run(code)
	}
	comm := func(msgType string, data any) {
		c.send(c.shell, msgType, map[string]any{"comm_id": "page", "target_name": "gonb_comm", "kernel_id": kernelID, "data": data})
	}
	comm("comm_open", map[string]any{})
	comm("comm_msg", map[string]any{"no address": true})
	comm("comm_msg", map[string]any{"address": "#heartbeat/pong", "value": true})
	comm("comm_close", map[string]any{})
	id := c.execute("!echo begun; sleep 1000")
	c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
	c.process.Process.Signal(os.Interrupt)
	c.failed(id)
	c.process.Process.Signal(syscall.SIGTERM)
	<-c.exited
	if c.log.Len() > 0 {
		t.Errorf("in the terminal:\n%s", c.log)
	}
}
