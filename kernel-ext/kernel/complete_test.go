package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/golang"
)

// cursor splits a cell at ‸, the cursor, and returns its place in code points.
func cursor(code string) (string, int) {
	before, after, _ := strings.Cut(code, "‸")
	return before + after, len([]rune(before))
}

// completions asks for completions at ‸ and returns the cells that they would make.
func (c *client) completions(code string) []string {
	c.t.Helper()
	text, at := cursor(code)
	reply := c.ask("complete", golang.Patience, map[string]any{"code": text, "cursor_pos": at})
	if reply["status"] != "ok" {
		c.t.Errorf("%q: %v", code, reply)
	}
	from, to := int(reply["cursor_start"].(float64)), int(reply["cursor_end"].(float64))
	runes := []rune(text)
	var made []string
	for _, m := range reply["matches"].([]any) {
		made = append(made, string(runes[:from])+m.(string)+string(runes[to:]))
	}
	return made
}

func testCompletion(c *client, step func(string, func(*testing.T))) {
	step("the first completion of a kernel comes within 5 s", func(t *testing.T) {
		started := time.Now()
		got := c.completions("%%\nstrings.Has‸")
		took := time.Since(started)
		t.Logf("took %s", took)
		if !slices.Contains(got, "%%\nstrings.HasPrefix") || took > 5*second {
			t.Errorf("%q after %s", got, took)
		}
	})

	check := func(t *testing.T) {
		for _, test := range []struct{ code, want, why string }{
			{"import \"fmt\"\n%%\nfmt.Printl‸", "import \"fmt\"\n%%\nfmt.Println", "a package"},
			{"%%\nfmt.Printl‸", "%%\nfmt.Println", "a package that is not imported"},
			{"import \"fmt\"\n%%\nx := \"🙂\"; fmt.Printl‸", "import \"fmt\"\n%%\nx := \"🙂\"; fmt.Println", "an emoji before it on the line"},
			{"import \"fmt\"\n// 🙂🙂\n%%\nfmt.Printl‸()", "import \"fmt\"\n// 🙂🙂\n%%\nfmt.Println()", "emoji on a line above, text behind"},
			{"%%\nswan := 1\nswa‸", "%%\nswan := 1\nswan", "a variable"},
			{"!ls\n%goflags\nfunc f() {\n\tvar goose = 1\n\tgoos‸\n}", "!ls\n%goflags\nfunc f() {\n\tvar goose = 1\n\tgoose\n}", "commands above"},
			{"%%\nearlier‸", "%%\nearlierFunction", "a function of an earlier cell"},
			{"%%\nvar d duck\nd.Qua‸", "%%\nvar d duck\nd.Quack", "a method of a type of an earlier cell"},
			{"%%\nstr2.ToUpp‸", "%%\nstr2.ToUpper", "an import of an earlier cell"},
			{"_ = \"🙂\"; str2.ToUpp‸", "_ = \"🙂\"; str2.ToUpper", "statements without a main"},
			{"type gull int\n\nvar g gu‸", "type gull int\n\nvar g gull", "declarations"},
			{"%ru‸", "%runs", "a command"},
		} {
			started := time.Now()
			got := c.completions(test.code)
			if !slices.Contains(got, test.want) {
				t.Errorf("%s: %q has %d completions %.300q, want %q", test.why, test.code, len(got), got, test.want)
			}
			t.Logf("%s: %s", test.why, time.Since(started))
		}
		for _, code := range []string{"!ls ‸", "%%bash\nech‸", "! ‸", "% ‸"} {
			if got := c.completions(code); len(got) > 0 {
				t.Errorf("%q has completions %q", code, got)
			}
		}
		for _, test := range []struct{ code, want, why string }{
			{"%%\nfmt.Print‸ln(1)", "Println formats using the default formats", "within a name"},
			{"%%\nfmt.Println‸", "Println formats using the default formats", "behind a name"},
			{"%%\nfmt.Println(1, ‸)", "Println formats using the default formats", "among the arguments of a call"},
			{"%%\nfmt.Println(strings.ToUpper(\"🙂\"), ‸)", "Println formats", "behind a nested call"},
			{"%%\n_ = \"🙂\" + strings.ToUpp‸er(\"a\")", "ToUpper returns s with", "behind an emoji"},
			{"%%\nearlierFu‸nction()", "earlierFunction is known", "what an earlier cell says about it"},
			{"_ = 1; fmt.Println(1, ‸)", "Println formats", "statements without a main"},
			{"%ti‸me", "%runs", "a command"},
		} {
			text, at := cursor(test.code)
			started := time.Now()
			reply := c.ask("inspect", golang.Patience, map[string]any{"code": text, "cursor_pos": at, "detail_level": 0})
			data := reply["data"].(map[string]any)
			if reply["found"] != true || !strings.Contains(fmt.Sprint(data["text/plain"]), test.want) {
				t.Errorf("%s: inspecting %q: %v", test.why, test.code, reply)
			}
			t.Logf("%s: %s", test.why, time.Since(started))
		}
		if reply := c.ask("inspect", golang.Patience, map[string]any{"code": "%%\n1 + ", "cursor_pos": 4}); reply["found"] != false {
			t.Errorf("inspecting nothing: %v", reply)
		}
	}

	step("completion and inspection", func(t *testing.T) {
		r := c.run(`import str2 "strings"

type duck struct{}

// Quack speaks.
func (duck) Quack() string { return str2.ToLower("QUACK") }

// earlierFunction is known to later cells.
func earlierFunction() {}`)
		if r.status != "ok" {
			t.Fatalf("%+v", r)
		}
		check(t)
	})

	step("completion and inspection while a cell runs", func(t *testing.T) {
		stop := c.busy()
		check(t)
		if r := stop(); r.status != "error" || r.stdout != "" && r.stdout != "running\n" {
			t.Errorf("the cell meanwhile: %+v", r)
		}
	})

	step("what is forgotten or declared again is not completed as it was", func(t *testing.T) {
		for _, code := range []string{"%rm earlierFunction", "type duck struct{ Feathers int }\nfunc (duck) Quack() {}"} {
			if r := c.run(code); r.status != "ok" {
				t.Fatalf("%+v", r)
			}
		}
		if got := c.completions("%%\nearlierFu‸"); slices.Contains(got, "%%\nearlierFunction") {
			t.Errorf("%q", got)
		}
		if got := c.completions("%%\nvar d duck\nd.Fea‸"); !slices.Contains(got, "%%\nvar d duck\nd.Feathers") {
			t.Errorf("%q", got)
		}
	})

	step("a module file that changed is noticed", func(t *testing.T) {
		if r := c.run("!*printf 'package main\\n\\nfunc fromAFile() {}\\n' >extra.go"); r.status != "ok" {
			t.Fatalf("%+v", r)
		}
		if got := c.completions("%%\nfromA‸"); !slices.Contains(got, "%%\nfromAFile") {
			t.Errorf("%q", got)
		}
		if r := c.run("!*rm extra.go"); r.status != "ok" {
			t.Fatalf("%+v", r)
		}
		if got := c.completions("%%\nfromA‸"); slices.Contains(got, "%%\nfromAFile") {
			t.Errorf("%q", got)
		}
	})

	step("the last of ten completions in a row does not wait for the others", func(t *testing.T) {
		const code = "%%\nswanSwims := 1\nswanSwims"
		c.completions(code + "‸")
		quickest := time.Hour
		for range 3 { // other processes may be in the way
			started := time.Now()
			var last string
			for n := range 10 {
				text := code[:len(code)-9+n]
				last = c.send(c.shell, "complete_request", map[string]any{"code": text, "cursor_pos": len(text)})
				c.ask("kernel_info", 5*second, map[string]any{}) // the kernel has begun with it
			}
			reply := c.next(c.shell, golang.Patience, "complete_reply", answers(last, "complete_reply"))
			quickest = min(quickest, time.Since(started))
			if fmt.Sprint(reply.content["matches"]) != "[swanSwims]" {
				t.Errorf("completed to %v", reply.content["matches"])
			}
		}
		if t.Logf("took %s", quickest); quickest > 3*second/10 {
			t.Errorf("the last comes after %s", quickest)
		}
	})

	step("completion survives the end of gopls", func(t *testing.T) {
		killed := 0
		for _, process := range usersOf(t, c.temp) {
			line, err := os.ReadFile(filepath.Join(process, "cmdline"))
			pid, wrong := strconv.Atoi(filepath.Base(process))
			if err == nil && wrong == nil && strings.HasSuffix(string(line), "/gopls\x00") {
				killed++
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if killed != 1 {
			t.Fatalf("%d processes of gopls", killed)
		}
		if got := c.completions("%%\nfmt.Printl‸"); !slices.Contains(got, "%%\nfmt.Println") {
			t.Errorf("%q", got)
		}
	})
}
