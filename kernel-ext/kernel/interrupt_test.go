package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInterrupts interrupts cells in every state, on one kernel.
func TestInterrupts(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	dir := t.TempDir()
	byMessage := func(to *readAhead) func() {
		return func() {
			id := c.send(to, "interrupt_request", map[string]any{})
			r := c.overtaken(to, id, "interrupt_reply")
			if r.content["status"] != "ok" {
				c.t.Errorf("interrupt_reply %v", r.content)
			}
		}
	}
	bySignal := func() { c.process.Process.Signal(syscall.SIGINT) }

	for _, test := range []struct {
		name, code string
		begun      string // output, or a process of the cell with this name, that tells that it is time
		process    string
		interrupt  func()
		patience   time.Duration
		stdout     string // all of it
		trace      string
	}{
		{name: "program, on control", code: "%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)", begun: "begun",
			interrupt: byMessage(c.control), patience: second, stdout: "begun\n"},
		{name: "program, on shell", code: "%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)", begun: "begun",
			interrupt: byMessage(c.shell), patience: second, stdout: "begun\n"},
		{name: "program, by signal", code: "%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)", begun: "begun",
			interrupt: bySignal, patience: second, stdout: "begun\n"},
		{name: "program that ends in order", code: "import \"os/signal\"\n%%\nc := make(chan os.Signal, 2)\n" +
			"signal.Notify(c, os.Interrupt)\nfmt.Println(\"begun\")\n<-c\ntime.Sleep(700 * time.Millisecond)\n" +
			"fmt.Println(\"in order\", exec.Command(\"true\").Run(), len(c))", begun: "begun",
			interrupt: byMessage(c.control), patience: 2 * second, stdout: "begun\nin order <nil> 0\n"},
		{name: "program that does not listen", code: "import \"os/signal\"\n%%\nsignal.Ignore(os.Interrupt)\n" +
			"fmt.Println(\"begun\")\ntime.Sleep(time.Hour)", begun: "begun",
			interrupt: byMessage(c.control), patience: programPatience + second, stdout: "begun\n"},
		{name: "program that does not listen, twice", code: "import \"os/signal\"\n%%\nsignal.Ignore(os.Interrupt)\n" +
			"fmt.Println(\"begun\")\ntime.Sleep(time.Hour)", begun: "begun",
			interrupt: func() { bySignal(); byMessage(c.control)() }, patience: second, stdout: "begun\n"},
		{name: "shell line, and nothing behind it", code: "!echo first\n!echo begun; sleep 1000; echo rest\n!echo next\n%%\nfmt.Println(\"never\")",
			begun: "begun", interrupt: byMessage(c.control), patience: second, stdout: "first\nbegun\n",
			trace: "cell [8], line 2:"},
		{name: "what a shell line left in the background", code: "!sleep 1001 &\n!echo begun; sleep 1002 & wait",
			begun: "begun", interrupt: byMessage(c.control), patience: second, stdout: "begun\n"},
		{name: "script", code: "%%bash\necho begun\nsleep 1000\necho rest", begun: "begun",
			interrupt: byMessage(c.shell), patience: second, stdout: "begun\n"},
		{name: "build", code: "import \"net/http\"\n" + slowSource() + "\n%%\nfmt.Println(\"never\", http.StatusOK)", process: "compile",
			interrupt: byMessage(c.control), patience: second},
		{name: "goimports", code: "%%\nfmt.Println(\"never\")\nnowhere.X()\n" + strings.Repeat("fmt.Println()\n", 20000), process: "goimports",
			interrupt: byMessage(c.shell), patience: second},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			id := c.execute(test.code)
			waiting := c.execute("%%\nfmt.Println(\"behind\")")
			before := ""
			if test.process != "" {
				c.awaitProcess(test.process)
			} else {
				for !strings.Contains(before, test.begun) {
					m := c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
					before += m.content["text"].(string)
				}
			}
			started := time.Now()
			test.interrupt()
			e := c.failed(id)
			took := time.Since(started)
			t.Logf("interrupted in %s: %s %s\n%s", took.Round(time.Millisecond), e.ename, e.evalue, e.traceback)
			if took > test.patience {
				t.Errorf("answered after %s, want %s", took, test.patience)
			}
			if e.ename != "Interrupted" || before+e.stdout != test.stdout || e.stderr != "" || !strings.Contains(e.traceback, test.trace) {
				t.Errorf("%+v, printed %q, want %q", e, before+e.stdout, test.stdout)
			}
			r := c.next(c.shell, second, "reply to the cell behind", answers(waiting, "execute_reply"))
			if r.content["status"] != "aborted" {
				t.Errorf("the cell behind: %v", r.content)
			}
			c.expectNone("program", "sleep", "bash", "go", "compile", "link", "goimports")
		})
	}

	t.Run("without a cell", func(t *testing.T) {
		bySignal() // has no answer, so it may reach the next cell
		if r := c.run(hello); r.status != "ok" && !strings.Contains(r.evalue, "Interrupted") {
			t.Errorf("%+v", r)
		}
		byMessage(c.control)()
		c.mustRun(hello, "hello")
	})

	t.Run("others are spared", func(t *testing.T) {
		note := filepath.Join(dir, "note")
		c.mustRun("!setsid sleep 2001 & echo $! >"+note+"\n!sleep 2002 >/dev/null 2>&1 & echo $! >>"+note, "")
		id := c.execute("%%\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)")
		c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		bySignal()
		if e := c.failed(id); e.ename != "Interrupted" {
			t.Errorf("%+v", e)
		}
		text, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil || syscall.Kill(pid, 0) != nil {
				t.Errorf("process %s, which an earlier cell left, is gone", word)
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})

	t.Run("a line that leaves something in the background ends", func(t *testing.T) {
		started := time.Now()
		c.mustRun("!echo left; sleep 3 & true", "left")
		if took := time.Since(started); took > 2*second {
			t.Errorf("took %s", took)
		}
	})
	c.mustRun(hello, "hello")
}

// slowSource takes the compiler seconds.
func slowSource() string {
	var b strings.Builder
	b.WriteString("var slow = map[string]func(int) int{\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "\t\"f%d\": func(x int) int { for i := range x { x ^= i*%d }; return x },\n", i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

// awaitProcess waits until the kernel's GoNB runs a process of that name.
func (c *client) awaitProcess(name string) {
	c.t.Helper()
	deadline := time.Now().Add(cellPatience)
	for len(c.named(name)) == 0 {
		if time.Now().After(deadline) {
			c.t.Fatalf("no process %s", name)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// expectNone checks that no process of those names is left of a cell. Left by gopls does not count.
func (c *client) expectNone(names ...string) {
	c.t.Helper()
	deadline := time.Now().Add(second)
	for _, name := range names {
		for len(c.named(name)) > 0 {
			if time.Now().After(deadline) {
				c.t.Errorf("%s is left behind: %v", name, c.named(name))
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// named lists the processes of the kernel with a name, less those of gopls.
func (c *client) named(name string) []string {
	c.t.Helper()
	var found []string
	for _, folder := range usersOf(c.t, c.temp) {
		if nameOf(folder) == name && nameOf(parentOf(folder)) != "gopls" {
			found = append(found, folder)
		}
	}
	return found
}

// nameOf returns the name of the process with a folder in /proc, or nothing when it is gone.
func nameOf(folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func parentOf(folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	return filepath.Join("/proc", fields[1])
}
