package kernel

import (
	"strings"
	"testing"
	"time"
)

// TestInterruptedValues interrupts cells that have changed variables. Those of a cell that ends in order are kept, as is what it does
// once it has heard; any other cell has done nothing.
func TestInterruptedValues(t *testing.T) {
	c := startKernel(t)
	const inOrder = "{\n\tctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)\n\tfmt.Println(\"begun\")\n\t<-ctx.Done()\n\tstop()\n}\n"
	for _, test := range []struct {
		name, code string
		building   bool // it is interrupted before its program begins
		twice      bool // it is interrupted again, before it can end
		after      string
	}{
		{name: "a cell that does not ask", after: "1 [1 2] {3}",
			code: "x = 2\nl[0] = 9\np = P{8}\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"},
		{name: "with new declarations", after: "1 [1 2] {3}",
			code: "x := \"text\"\nl := 5\nnewer := 1\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"},
		{name: "with a type of another shape", after: "1 [1 2] {3}",
			code: "type P struct{ A, B string }\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"},
		{name: "with a new kind of thing under a name", after: "1 [1 2] {3}",
			code: "func x() {}\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"},
		{name: "in its build", after: "1 [1 2] {3}", building: true,
			code: "func x() {}\n" + strings.Replace(slowSource(), "var slow =", "func slow() any { return", 1) + "}"},
		{name: "in a deferred call", after: "1 [1 2] {3}",
			code: "x = 2\ndefer func() { fmt.Println(\"begun\"); time.Sleep(time.Hour) }()"},
		{name: "one that ends in order", after: "3 [1 9] {3}",
			code: "x = 2\n" + inOrder + "x++\nl[1] = 9"},
		{name: "in order, with new declarations", after: "3 [7] {4}",
			code: "x := 2\nl := []int{7}\nq := P{4}\np := q\n" + inOrder + "x++"},
		{name: "in order, and then a panic", after: "1 [1 2] {3}",
			code: "x = 2\n" + inOrder + "l[1] = 9\npanic(\"behind it\")"},
		{name: "in order, and then an exit", after: "1 [1 2] {3}",
			code: "x = 2\n" + inOrder + "l[1] = 9\nos.Exit(4)"},
		{name: "one that does not listen", after: "1 [1 2] {3}",
			code: "x = 2\nsignal.Ignore(os.Interrupt)\nl[0] = 9\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"},
		{name: "in order, but not soon enough", after: "1 [1 2] {3}", twice: true,
			code: "x = 2\n" + inOrder + "l[0] = 9\nfmt.Println(\"heard\")\ntime.Sleep(time.Hour)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			c.run("%reset")
			c.mustRun("type P struct{ N int }\nx, l, p := 1, []int{1, 2}, P{3}", "")
			id := c.execute(test.code)
			if test.building {
				c.awaitProcess("compile")
			} else {
				c.says(id, "begun")
			}
			c.send(c.control, "interrupt_request", map[string]any{})
			if test.twice {
				c.says(id, "heard")
				c.send(c.control, "interrupt_request", map[string]any{})
			}
			started := time.Now()
			r := c.finish(id)
			t.Logf("the cell ended %s after %s", r.status, time.Since(started).Round(time.Millisecond))
			c.mustRun("fmt.Println(x, l, p)", test.after+"\n")
			if r := c.run("newer"); r.status == "ok" {
				t.Errorf("a variable of a cell that was interrupted is there: %v", r.values)
			}
		})
	}
}

// says waits until a cell has printed something.
func (c *client) says(id, what string) {
	c.t.Helper()
	for said := ""; !strings.Contains(said, what); {
		m := c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		said += m.content["text"].(string)
	}
}
