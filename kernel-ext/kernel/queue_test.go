package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/jupyter/zmtp"
	"gantry.local/kernel-ext/value"
)

// ask sends a request on the shell socket and waits for its reply.
func (c *client) ask(msgType string, patience time.Duration, content any) map[string]any {
	c.t.Helper()
	id := c.send(c.shell, msgType+"_request", content)
	return c.next(c.shell, patience, msgType+"_reply", answers(id, msgType+"_reply")).content
}

// sleeper is a cell that says when it runs and goes on until it is interrupted.
const sleeper = "%%\nfmt.Println(\"running\")\ntime.Sleep(time.Hour)"

// busy runs a cell until stop is called.
func (c *client) busy() (stop func() result) {
	c.t.Helper()
	id := c.execute(sleeper)
	c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
	return func() result {
		c.t.Helper()
		c.ask("kernel_info", cellPatience, map[string]any{}) // once it is answered, the kernel has all that was sent before
		c.send(c.control, "interrupt_request", map[string]any{})
		return c.finish(id)
	}
}

// TestRequests asks one kernel what front-ends ask, between cells and while a cell runs.
func TestRequests(t *testing.T) {
	gantry := filepath.Join(t.TempDir(), "gantry") // what it says is its own business
	const script = `#!/bin/sh
case $1 in
runs) echo "table of runs in $PWD"; [ ! -e "$TMPDIR/slow" ] || sleep 1000 ;;
doctor) echo "gantry: 2 of 3 checks failed" >&2; exit 1 ;;
*) exit 2 ;;
esac
`
	if err := os.WriteFile(gantry, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	c := startKernel(t, "GANTRY_TEST_GANTRY="+gantry)
	step := func(name string, check func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			check(t)
		})
	}
	for _, part := range []func(*client, func(string, func(*testing.T))){
		testCompletion, testQueue, testValues, testMagics, testHistory,
	} {
		part(c, step)
	}
}

func testQueue(c *client, step func(string, func(*testing.T))) {
	step("a cell is announced, answered and ended in this order", func(t *testing.T) {
		r := c.run("%%\nfmt.Println(\"hello\")")
		if want := []string{"busy", "execute_input", "stream", "idle"}; !reflect.DeepEqual(r.order, want) {
			t.Errorf("messages %v, want %v", r.order, want)
		}
	})

	step("execute_input has the code as it was sent, and the count", func(t *testing.T) {
		code := "%time\n%%\n6 * 7"
		id := c.execute(code)
		m := c.next(c.iopub, cellPatience, "execute_input", answers(id, "execute_input"))
		r := c.finish(id)
		if m.content["code"] != code || m.content["execution_count"] != r.count {
			t.Errorf("execute_input %v, reply counts %v", m.content, r.count)
		}
	})

	step("cells behind one that fails are aborted, later ones run", func(t *testing.T) {
		gate := filepath.Join(t.TempDir(), "gate")
		if err := syscall.Mkfifo(gate, 0o600); err != nil {
			t.Fatal(err)
		}
		last := c.run("").count.(float64) + 1
		first := c.execute("!cat " + gate)
		failing := c.execute("%%\nundefinedThing()")
		waiting := []string{c.execute("!echo never"), c.execute("!echo never")}
		c.ask("kernel_info", cellPatience, map[string]any{}) // once it is answered, the kernel has all that was sent before
		if err := os.WriteFile(gate, []byte("open"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := c.finish(first); r.stdout != "open" {
			t.Fatalf("%+v", r)
		}
		if r := c.finish(failing); r.status != "error" || r.count != last+1 {
			t.Fatalf("%+v", r)
		}
		for _, id := range waiting {
			r := c.finish(id)
			if r.status != "aborted" || r.count != last+1 || !reflect.DeepEqual(r.order, []string{"busy", "idle"}) {
				t.Errorf("%+v, want aborted between busy and idle", r)
			}
		}
		if r := c.run("!echo again"); r.status != "ok" || r.stdout != "again\n" || r.count != last+2 {
			t.Errorf("%+v", r)
		}
	})

	step("without stop_on_error nothing is aborted", func(t *testing.T) {
		failing := c.send(c.shell, "execute_request", map[string]any{"code": "%%\nundefinedThing()", "stop_on_error": false})
		next := c.execute("!echo next")
		if r := c.finish(failing); r.status != "error" {
			t.Errorf("%+v", r)
		}
		if r := c.finish(next); r.status != "ok" || r.stdout != "next\n" {
			t.Errorf("%+v", r)
		}
	})

	step("an interrupted cell aborts those behind it", func(t *testing.T) {
		stop := c.busy()
		next := c.execute("!echo never")
		if r := stop(); r.status != "error" {
			t.Errorf("%+v", r)
		}
		if r := c.finish(next); r.status != "aborted" {
			t.Errorf("%+v", r)
		}
	})

	step("a cell that is not stored replies with the count and does not change it", func(t *testing.T) {
		before := c.run("!true").count
		for _, content := range []map[string]any{
			{"code": "!true", "store_history": false},
			{"code": "!true", "silent": true}, // which means the same
		} {
			if r := c.finish(c.send(c.shell, "execute_request", content)); r.status != "ok" || r.count != before {
				t.Errorf("%v: %+v, want count %v", content, r, before)
			}
		}
		silent := c.finish(c.send(c.shell, "execute_request", map[string]any{"code": "%%\n1", "silent": true}))
		if want := []string{"busy", "idle"}; !reflect.DeepEqual(silent.order, want) {
			t.Errorf("a silent cell sends %v, want %v", silent.order, want)
		}
		if r := c.run("!true"); r.count != before.(float64)+1 {
			t.Errorf("the next cell counts %v, behind %v", r.count, before)
		}
	})

	step("a command without a name does not end the kernel", func(t *testing.T) {
		for _, code := range []string{"% ", "! \n%%\nfmt.Print()", "!\\\n"} {
			if r := c.run(code); r.status != "ok" {
				t.Errorf("%q: %+v", code, r)
			}
		}
		if r := c.run("%%script\necho hi"); r.status != "error" || !strings.Contains(r.evalue, "%%script python3") {
			t.Errorf("%+v", r)
		}
	})

	step("everything but cells is answered while a cell runs", func(t *testing.T) {
		defer c.busy()()
		for _, request := range []struct {
			msgType string
			content map[string]any
		}{
			{"kernel_info", map[string]any{}},
			{"is_complete", map[string]any{"code": "%%\nfor {"}},
			{"history", map[string]any{"hist_access_type": "tail", "n": 1, "raw": true, "output": false}},
			{"inspect", map[string]any{"code": "%help", "cursor_pos": 2, "detail_level": 0}},
		} {
			started := time.Now()
			reply := c.ask(request.msgType, second, request.content)
			took := time.Since(started)
			if reply["status"] != "ok" && reply["status"] != "incomplete" || took > second/5 {
				t.Errorf("%s: %v after %s", request.msgType, reply, took)
			}
		}
		started := time.Now()
		id := c.send(c.control, "kernel_info_request", map[string]any{})
		c.next(c.control, second, "kernel_info_reply", answers(id, "kernel_info_reply"))
		if took := time.Since(started); took > second/5 {
			t.Errorf("kernel_info on control took %s", took)
		}
	})

	step("a new subscriber is welcomed", func(t *testing.T) {
		late := c.dial(zmtp.Sub, c.connection.IOPub)
		defer late.Close()
		for _, topic := range []string{"stream", ""} {
			if err := late.Send([][]byte{append([]byte{1}, topic...)}); err != nil {
				t.Fatal(err)
			}
			m := c.next(late, second, "iopub_welcome", ofType("iopub_welcome"))
			if m.content["subscription"] != topic || string(m.Message.Parent) != "{}" {
				t.Errorf("subscribing to %q: %s, parent %s", topic, m.Message.Content, m.Message.Parent)
			}
		}
	})

	step("is_complete", func(t *testing.T) {
		for code, want := range map[string]string{"func f() {}": "complete", "func f() {": "incomplete", "}": "invalid"} {
			reply := c.ask("is_complete", second, map[string]any{"code": code})
			if reply["status"] != want || (want == "incomplete") != (reply["indent"] == "\t") {
				t.Errorf("%q: %v, want %s", code, reply, want)
			}
		}
	})
}

func testValues(c *client, step func(string, func(*testing.T))) {
	step("the value of a last expression is the cell's result", func(t *testing.T) {
		for _, test := range []struct{ code, want string }{
			{"%%\n6 * 7", "42"},
			{"%%\nwords := strings.Fields(\"a b c\")\nlen(words)", "3"},
			{"func main() {\n\tx := []int{1, 2}\n\tx[1:]\n}", "[2]"},
			{"%%\nfloat32(1) / 4 // a quarter", "0.25"},
			{"%%\nstruct{ A, B int }{\n\t1,\n\t2,\n}", "{A:1 B:2}"},
			{"type celsius float64\n\nfunc (c celsius) String() string { return fmt.Sprintf(\"%.1f °C\", float64(c)) }\n%%\ncelsius(20)", "20.0 °C"},
			{"%%\ncelsius(21)", "21.0 °C"},
			{"!echo first\n%%\nfmt.Println(\"second\")\n\"third\"", "third"},
			{"1 + 2", "3"},
			{"!echo first\ntype pair struct{ A, B int }\n\nfmt.Println(\"second\"); p := pair{1, 2}\np.B", "2"},
		} {
			r := c.run(test.code)
			if r.status != "ok" || len(r.values) != 1 {
				t.Errorf("%q: %+v, want one execute_result", test.code, r)
				continue
			}
			v := r.values[0]
			if text := v["data"].(map[string]any)["text/plain"]; text != test.want || v["execution_count"] != r.count {
				t.Errorf("%q is %v (count %v of %v), want %s", test.code, text, v["execution_count"], r.count, test.want)
			}
			if i := slices.Index(r.order, "execute_result"); i != len(r.order)-2 {
				t.Errorf("%q: %v, want the result last", test.code, r.order)
			}
		}
	})

	step("statements need no main", func(t *testing.T) {
		c.mustRun("var kept = 5\nfor i := range kept {\n\tfmt.Print(i) // counting\n}", "01234")
		c.mustRun("fmt.Println(kept) // the end", "5\n")
		r := c.run("x := 1\nundefinedThing(x)")
		if r.status != "error" || !strings.Contains(strings.ToLower(r.evalue), "line 2") {
			t.Errorf("%+v", r)
		}
		if r := c.run("fnc f() {}"); r.status != "error" || !strings.Contains(r.evalue, "found f[") {
			t.Errorf("what is no statement either: %+v", r)
		}
	})

	step("no result of what is a statement, or ends in a semicolon", func(t *testing.T) {
		for _, code := range []string{
			"%%\nx := 1\nx++", "%%\nfmt.Print()", "%%\nfmt.Sprint(1);", "%%\n6 * 7;", "%%\nx := 1; x; // why", "func f() int { return 1 }",
			"copy([]int{1}, []int{2})", "new(strings.Builder).WriteString(\"a\")",
		} {
			if r := c.run(code); r.status != "ok" || len(r.values) != 0 {
				t.Errorf("%q: %+v", code, r)
			}
		}
	})

	step("images and texts with a form of their own", func(t *testing.T) {
		r := c.run("%%\npicture := image.NewGray(image.Rect(0, 0, 3, 2))\npicture")
		if len(r.values) != 1 {
			t.Fatalf("%+v", r)
		}
		data := r.values[0]["data"].(map[string]any)
		if !strings.HasPrefix(fmt.Sprint(data["image/png"]), "iVBOR") || data["text/plain"] != "*image.Gray of (3,2)" {
			t.Errorf("%v", data)
		}
		r = c.run("type table struct{}\n\nfunc (table) HTML() string { return \"<b>1</b>\" }\n%%\ntable{}")
		if len(r.values) != 1 || r.values[0]["data"].(map[string]any)["text/html"] != "<b>1</b>" {
			t.Errorf("%+v", r)
		}
	})

	step("an error in a cell with a value keeps its line, and no value is left for the next cell", func(t *testing.T) {
		r := c.run("%%\nx := 1\nundefinedThing + x")
		if r.status != "error" || !strings.Contains(r.evalue, "undefinedThing") || !strings.Contains(strings.ToLower(r.evalue), "line 3") {
			t.Errorf("%+v", r)
		}
		if r := c.run("%%\nfmt.Print()"); r.status != "ok" || len(r.values) != 0 {
			t.Errorf("%+v", r)
		}
	})

	step("a cell without a value is built without the function that shows one, and none is left", func(t *testing.T) {
		c.mustRun("fmt.Println(1)", "1")
		r := c.run("!*ls " + cellbuild.BesideFile + " " + value.File + " 2>/dev/null; true")
		if strings.TrimSpace(r.stdout) != "" {
			t.Errorf("left in the cell module: %s", r.stdout)
		}
	})
}

func testMagics(c *client, step func(string, func(*testing.T))) {
	step("%help has GoNB's page and ours", func(t *testing.T) {
		r := c.run("%help")
		if r.status != "ok" || len(r.data) != 1 {
			t.Fatalf("%+v", r)
		}
		page := fmt.Sprint(r.data[0]["text/markdown"])
		for _, want := range []string{"%runs", "GoNB Help Page", "%goflags"} {
			if !strings.Contains(page, want) {
				t.Errorf("%%help does not say %s", want)
			}
		}
	})

	step("? opens the pager", func(t *testing.T) {
		for code, want := range map[string]string{"?": "%runs", "fmt.Println?": "Println formats", "?strings.Fields": "Fields splits"} {
			r := c.run(code)
			pages, _ := r.payload.([]any)
			if r.status != "ok" || len(pages) != 1 {
				t.Errorf("%s: %+v", code, r)
				continue
			}
			page := pages[0].(map[string]any)
			text := fmt.Sprint(page["data"].(map[string]any)["text/plain"])
			if page["source"] != "page" || !strings.Contains(text, want) {
				t.Errorf("%s: payload %v, want %q", code, page, want)
			}
		}
	})

	step("%time tells build and run apart, and the rest of the cell runs", func(t *testing.T) {
		r := c.run("%time\n%%\ntime.Sleep(300 * time.Millisecond)\nfmt.Println(\"slept\")")
		found := regexp.MustCompile(`(?m)^slept\ntime: build (\d+\.\d\d) s, run (\d+\.\d\d) s, together (\d+\.\d\d) s\n$`).FindStringSubmatch(r.stdout)
		if r.status != "ok" || found == nil {
			t.Fatalf("%+v", r)
		}
		var build, run, together float64
		fmt.Sscan(strings.Join(found[1:], " "), &build, &run, &together)
		if build <= 0 || run < 0.3 || run > together || build+run < together-0.02 || build+run > together+0.02 {
			t.Errorf("%s", r.stdout)
		}
		if r := c.run("%time"); !strings.Contains(r.stdout, "nothing built") {
			t.Errorf("%+v", r)
		}
	})

	step("%runs and %doctor show what gantry says, and the rest of the cell runs", func(t *testing.T) {
		r := c.run("%runs\n%%\nfmt.Println(\"and code\")")
		if want := "table of runs in " + projectRoot(t) + "\nand code\n"; r.status != "ok" || r.stdout != want {
			t.Errorf("%%runs: %+v, want %q", r, want)
		}
		r = c.run("%doctor\n%%\nfmt.Println(\"never\")")
		if r.status != "error" || !strings.Contains(r.evalue, "2 of 3 checks failed") || r.stdout != "" || slices.Contains(r.order, "stream") {
			t.Errorf("%%doctor that finds something: %+v", r)
		}
	})

	step("a command of ours is interrupted", func(t *testing.T) {
		if r := c.run("!touch " + filepath.Join(c.temp, "slow")); r.status != "ok" {
			t.Fatalf("%+v", r)
		}
		id := c.execute("%runs")
		c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		started := time.Now()
		c.send(c.control, "interrupt_request", map[string]any{})
		if r := c.finish(id); r.status != "error" || time.Since(started) > second {
			t.Errorf("%+v after %s", r, time.Since(started))
		}
	})

	step("a cell magic keeps its lines to itself", func(t *testing.T) {
		if r := c.run("%%bash\ncat <<end\n%runs\nwhat?\nend"); r.stdout != "%runs\nwhat?\n" {
			t.Errorf("%+v", r)
		}
	})
}

func testHistory(c *client, step func(string, func(*testing.T))) {
	step("history of this kernel", func(t *testing.T) {
		r := c.run("%%\n40 + 2")
		reply := c.ask("history", second, map[string]any{
			"hist_access_type": "tail", "n": 1, "raw": true, "output": true,
		})
		want := []any{[]any{1.0, r.count, []any{"%%\n40 + 2", "42"}}}
		if !reflect.DeepEqual(reply["history"], want) {
			t.Errorf("tail: %v, want %v", reply["history"], want)
		}
		reply = c.ask("history", second, map[string]any{
			"hist_access_type": "search", "pattern": "*40 + ?", "unique": true, "raw": true, "output": false,
		})
		if want := []any{[]any{1.0, r.count, "%%\n40 + 2"}}; !reflect.DeepEqual(reply["history"], want) {
			t.Errorf("search: %v, want %v", reply["history"], want)
		}
		reply = c.ask("history", second, map[string]any{
			"hist_access_type": "range", "session": 0, "start": r.count, "stop": r.count.(float64) + 1, "raw": true, "output": false,
		})
		if want := []any{[]any{1.0, r.count, "%%\n40 + 2"}}; !reflect.DeepEqual(reply["history"], want) {
			t.Errorf("range: %v, want %v", reply["history"], want)
		}
	})
}
