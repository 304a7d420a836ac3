package kernel

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

// multibyteCell prints n lines of about 100 bytes, most of them parts of runes, in writes that cut runes in two.
const multibyteCell = `import (
	"bufio"
	"crypto/sha256"
)
%%%%
const line = "aé日本語🎉ñ→∑ żółć 漢字仮名交じり文 🚀🚀 Ελληνικά кириллица עברית %%d\n"
digest := sha256.New()
out := bufio.NewWriterSize(os.Stdout, 4093)
for i := range %d {
	text := fmt.Sprintf(line, i)
	digest.Write([]byte(text))
	out.WriteString(text)
}
out.Flush()
fmt.Fprintf(os.Stderr, "%%x", digest.Sum(nil))`

// streamed is what a cell printed or showed, message by message.
type streamed struct {
	name, text string
	at         time.Time
}

// streams collects what a cell prints and shows until its idle state.
func (c *client) streams(id string) []streamed {
	c.t.Helper()
	var all []streamed
	c.next(c.iopub, cellPatience, "idle state", func(m received) bool {
		if m.parent.MsgID != id {
			return false
		}
		switch m.header.MsgType {
		case "stream":
			all = append(all, streamed{m.content["name"].(string), m.content["text"].(string), time.Now()})
		case "display_data", "update_display_data", "clear_output", "error":
			all = append(all, streamed{m.header.MsgType, fmt.Sprint(m.content["data"], " ", m.content["wait"]), time.Now()})
		}
		return m.header.MsgType == "status" && m.content["execution_state"] == "idle"
	})
	c.next(c.shell, cellPatience, "execute_reply", answers(id, "execute_reply"))
	return all
}

func joined(all []streamed, name string) string {
	var b strings.Builder
	for _, s := range all {
		if s.name == name {
			b.WriteString(s.text)
		}
	}
	return b.String()
}

// TestOutput looks at what cells print, on one kernel.
func TestOutput(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	step := func(name string, check func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			check(t)
		})
	}

	step("10 MB of runes of all lengths arrive intact", func(t *testing.T) {
		started := time.Now()
		all := c.streams(c.execute(fmt.Sprintf(multibyteCell, 100_000)))
		text := joined(all, "stdout")
		t.Logf("%d bytes in %d messages, %s with the build", len(text), len(all), time.Since(started).Round(time.Millisecond))
		if len(text) < 10<<20 || strings.ContainsRune(text, utf8.RuneError) {
			t.Errorf("%d bytes, %d broken runes", len(text), strings.Count(text, string(utf8.RuneError)))
		}
		if want := joined(all, "stderr"); fmt.Sprintf("%x", sha256.Sum256([]byte(text))) != want {
			t.Errorf("the text is not what the cell printed, digest %s", want)
		}
		if took := time.Since(started); took > 10*second {
			t.Errorf("took %s", took)
		}
	})

	step("runes and lines printed in pieces arrive whole", func(t *testing.T) {
		all := c.streams(c.execute("%%\nfor _, b := range []byte(\"日本語 é🎉\") {\n\tos.Stdout.Write([]byte{b})\n\ttime.Sleep(40*time.Millisecond)\n}\nos.Stdout.Write([]byte{0xe6, 0x97})"))
		for _, s := range all[:max(0, len(all)-1)] {
			if strings.ContainsRune(s.text, utf8.RuneError) {
				t.Errorf("message %q", s.text)
			}
		}
		if text := joined(all, "stdout"); strings.TrimRight(text, "\uFFFD") != "日本語 é🎉" || !strings.HasSuffix(text, "\uFFFD") {
			t.Errorf("%q", text)
		}
	})

	step("many small writes come in few messages, soon", func(t *testing.T) {
		all := c.streams(c.execute("%%\nfor i := range 300 {\n\tfmt.Println(i)\n\ttime.Sleep(time.Millisecond)\n}"))
		if n := len(all); n < 3 || n > 40 {
			t.Errorf("300 lines in 0.3 s came in %d messages", n)
		}
		if text := joined(all, "stdout"); strings.Count(text, "\n") != 300 {
			t.Errorf("%q", text)
		}
	})

	step("a line does not wait for the cell's end", func(t *testing.T) {
		id := c.execute("%%\nfmt.Print(\"early\")\ntime.Sleep(500*time.Millisecond)\nfmt.Print(\"late\")")
		var early time.Time
		for _, s := range c.streams(id) {
			if s.text == "early" {
				early = s.at
			} else if wait := s.at.Sub(early); wait < 300*time.Millisecond {
				t.Errorf("%q came %s after the first", s.text, wait)
			}
		}
	})

	step("text keeps its place among displays", func(t *testing.T) {
		all := c.streams(c.execute(`import "github.com/janpfeifer/gonb/gonbui"
%%
for i := range 5 {
	fmt.Print("before ", i, " ")
	fmt.Fprint(os.Stderr, "warned ", i, " ")
	time.Sleep(20 * time.Millisecond)
	gonbui.DisplayHTML(fmt.Sprint("shown ", i))
	gonbui.Sync()
	time.Sleep(20 * time.Millisecond)
}
fmt.Print("end")`))
		stage := 0
		for _, s := range all {
			i := 0
			switch {
			case s.text == "end":
				stage++
			case s.name == "display_data":
				fmt.Sscanf(s.text, "map[text/html:shown %d]", &i)
				if i != stage {
					t.Errorf("display %d at stage %d", i, stage)
				}
				stage++
			default:
				fmt.Sscanf(strings.TrimPrefix(strings.TrimPrefix(s.text, "before "), "warned "), "%d", &i)
				if i != stage {
					t.Errorf("%s %q at stage %d", s.name, s.text, stage)
				}
			}
		}
		if stage != 6 {
			t.Errorf("%+v", all)
		}
	})

	step("words like a panic's are passed on", func(t *testing.T) {
		all := c.streams(c.execute("%%\nfmt.Fprintln(os.Stderr, \"first\\npanic: not really\")\ntime.Sleep(600*time.Millisecond)\n" +
			"fmt.Fprintln(os.Stderr, \"last\")\nfmt.Fprintln(os.Stderr, \"panic: at the end\")"))
		if text := joined(all, "stderr"); text != "first\npanic: not really\nlast\npanic: at the end\n" {
			t.Errorf("%q", text)
		}
		if len(all) < 3 {
			t.Errorf("held back to the end: %+v", all)
		}
	})

	step("a shell line's output is that of its bytes", func(t *testing.T) {
		all := c.streams(c.execute("!printf '\\xe6\\x97'; sleep 0.1; printf '\\xa5|%s|' \"$BASH_ENV\"; echo 'exit status 1' >&2; echo $PATH\n!*ls"))
		text := joined(all, "stdout")
		if !strings.HasPrefix(text, "日||/") || strings.Contains(text, "/bin:"+c.temp) || !strings.Contains(text, "go.mod") {
			t.Errorf("%q", text)
		}
		if text := joined(all, "stderr"); text != "exit status 1\n" {
			t.Errorf("%q", text)
		}
	})

	step("what a cell left running prints below the cell that runs then", func(t *testing.T) {
		c.mustRun("!(sleep 0.4; echo belated) &", "")
		r := c.run("%%\ntime.Sleep(time.Second)\nfmt.Println(\"own\")")
		if r.status != "ok" || r.stdout != "belated\nown\n" {
			t.Errorf("%+v", r)
		}
	})

	step("a cell may set PATH", func(t *testing.T) {
		path := os.Getenv("PATH")
		if r := c.run("%env PATH " + path); r.stdout != fmt.Sprintf("Set: PATH=%q\n", path) {
			t.Errorf("%+v, want %q", r, path)
		}
		c.mustRun("%%\nfmt.Println(os.Getenv(\"PATH\"))", path)
	})

	step("a cell clears its output", func(t *testing.T) {
		all := c.streams(c.execute(`import (
	"gantry.local/kernel-ext/show"
	"github.com/janpfeifer/gonb/gonbui"
)
%%
fmt.Print("one")
gonbui.DisplayHTML("two")
fmt.Println(show.Clear(true))
fmt.Print("three")
fmt.Println(show.Clear(false))
fmt.Print("\x1b_gantry")`))
		var got []string
		last := ""
		for _, s := range all {
			if s.name == last && last == "stdout" { // in how many messages text comes is not promised
				got[len(got)-1] += s.text
				continue
			}
			got, last = append(got, s.name+" "+s.text), s.name
		}
		want := []string{"stdout one", "display_data map[text/html:two] <nil>", "clear_output <nil> true",
			"stdout <nil>\nthree", "clear_output <nil> false", "stdout <nil>\n\x1b_gantry"}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})

	step("captured output is kept in the file too", func(t *testing.T) {
		file := t.TempDir() + "/said"
		c.mustRun("%capture "+file+"\n%%\nfmt.Println(\"kept\")", "kept")
		c.mustRun("!cat "+file, "kept")
	})

	step("a front-end that stops reading does not stop the others", func(t *testing.T) {
		lazy := c.dialLazy()
		defer lazy.Close()
		started := time.Now()
		text := joined(c.streams(c.execute("%%\nfor range 40 {\n\tfmt.Println(strings.Repeat(\"0123456789abcdef\", 1<<16))\n}")), "stdout")
		if len(text) < 40<<20 {
			t.Errorf("%d bytes", len(text))
		}
		t.Logf("%d bytes beside a front-end that reads nothing: %s", len(text), time.Since(started).Round(time.Millisecond))
	})
	c.mustRun(hello, "hello")
}

func BenchmarkOutput10MB(b *testing.B) {
	c := startKernel(b)
	cell := fmt.Sprintf(multibyteCell, 100_000)
	c.streams(c.execute(cell))
	var build time.Duration
	for b.Loop() {
		b.StopTimer()
		started := time.Now()
		c.streams(c.execute(fmt.Sprintf(multibyteCell, 1)))
		build += time.Since(started)
		b.StartTimer()
		all := c.streams(c.execute(cell))
		b.SetBytes(int64(len(joined(all, "stdout"))))
	}
	b.ReportMetric(build.Seconds()/float64(b.N), "s/one-line")
}

// dialLazy connects to iopub and reads nothing.
func (c *client) dialLazy() *jupyter.Link {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*second)
	defer cancel()
	l, err := jupyter.Dial(ctx, zmtp.Sub, c.connection.Endpoint(c.connection.IOPub), "lazy-"+jupyter.NewID()[:8])
	if err != nil {
		c.t.Fatal(err)
	}
	if err := l.Subscribe(); err != nil {
		c.t.Fatal(err)
	}
	return l
}
