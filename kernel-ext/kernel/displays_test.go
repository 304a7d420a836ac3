package kernel

import (
	"fmt"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestLastDisplays lets programs show more than a pipe's reader can have read when they end, and end at once. A kernel
// that stops reading then, as GoNB does, loses some in 7 to 13 of 20 such cells.
func TestLastDisplays(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	const rounds, shown = 20, 300
	for i := range rounds {
		r := c.run(fmt.Sprintf(`import "github.com/janpfeifer/gonb/gonbui"
%%%%
for i := range %d {
	gonbui.DisplayHTML(fmt.Sprint(i, " of %d"))
}
os.Exit(0)`, shown, i))
		if r.status != "ok" || len(r.data) != shown {
			t.Errorf("cell %d is %s and has shown %d of %d: %s", i, r.status, len(r.data), shown, r.evalue)
		}
		for n, data := range r.data {
			if data["text/html"] != fmt.Sprintf("%d of %d", n, i) {
				t.Fatalf("display %d of cell %d is %v", n, i, data)
			}
		}
	}
}

// displayCell shows all kinds of content.
const displayCell = `import (
	"bytes"
	"encoding/gob"
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)
%%
gob.Register(map[string]any{})
gob.Register([]any{})
type bundle = map[protocol.MIMEType]any
show := func(data bundle, metadata map[string]any, id string) {
	gonbui.SendData(&protocol.DisplayData{Data: data, Metadata: metadata, DisplayID: id})
}
show(bundle{"text/html": "<b>&amp;日本</b>\u2028", "text/plain": "\xff"}, nil, "")
show(bundle{"image/png": bytes.Repeat([]byte{0, 1, 2, 250}, 10<<20/4), "text/plain": "10 MB"},
	map[string]any{"image/png": map[string]int{"width": 3, "height": 2}, "isolated": true, "x": 1.5}, "")
show(bundle{"application/json": map[string]any{"a": []any{1, "two", nil, map[string]any{}}, "b": []string{"c"}}}, nil, "")
show(bundle{"text/plain": ""}, map[string]any{}, "FIRST")
show(bundle{"text/plain": "again"}, map[string]any{"k": "v"}, "FIRST")
show(nil, nil, "")
show(bundle{"a/b": []float64{1, 2.5}, "c/d": map[string]float64{"e": 1e300}, "f/g": map[string]string{"": ""}}, nil, "")
gonbui.Sync()`

// TestDisplaysAsGoNBPublishesThem compares the messages of this kernel with those of GoNB, which publishes what is
// captured into a file.
func TestDisplaysAsGoNBPublishesThem(t *testing.T) {
	c := startKernel(t)
	messages := func(code string) (all []map[string]any) {
		id := c.execute(code)
		c.next(c.iopub, cellPatience, "idle state", func(m received) bool {
			if !answers(id, m.header.MsgType)(m) {
				return false
			}
			switch m.header.MsgType {
			case "display_data", "update_display_data":
				if string(m.Metadata) != "{}" || len(m.Buffers) > 0 {
					t.Errorf("metadata %s, %d buffers", m.Metadata, len(m.Buffers))
				}
				all = append(all, map[string]any{"type": m.header.MsgType, "content": m.content})
			case "stream", "error":
				t.Errorf("%v", m.content)
			}
			return m.header.MsgType == "status" && m.content["execution_state"] == "idle"
		})
		return all
	}
	const ids = 7
	theirs := messages("%capture " + t.TempDir() + "/said\n" + strings.ReplaceAll(displayCell, "FIRST", "same"))
	ours := messages(strings.ReplaceAll(displayCell, "FIRST", "other"))
	if len(theirs) != ids || len(ours) != ids {
		t.Fatalf("%d messages of GoNB, %d of this kernel, want %d", len(theirs), len(ours), ids)
	}
	for i := range theirs {
		if transient, _ := ours[i]["content"].(map[string]any)["transient"].(map[string]any); transient["display_id"] == "other" {
			transient["display_id"] = "same"
		}
		if !reflect.DeepEqual(theirs[i], ours[i]) {
			t.Errorf("display %d: GoNB says\n%.300v\nthis kernel\n%.300v", i, theirs[i], ours[i])
		}
	}
	// An id is known from cell to cell.
	last := messages(strings.ReplaceAll(displayCell, "FIRST", "same"))
	if len(last) != ids || last[3]["type"] != "update_display_data" {
		t.Errorf("%d messages, the fourth is %.100v", len(last), last[min(3, len(last)-1)])
	}
}

// TestBrokenDisplays breaks the pipe for displays in several ways. The cell ends well, and so does the next.
func TestBrokenDisplays(t *testing.T) {
	c := startKernel(t)
	const head = `import (
	"bytes"
	"encoding/gob"
	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)
type Own struct{ A int }
func pipe() *os.File {
	f, err := os.OpenFile(os.Getenv("GONB_PIPE"), os.O_WRONLY, 0)
	if err != nil { panic(err) }
	return f
}
func encoded(html string) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"text/html": html}}); err != nil { panic(err) }
	return b.Bytes()
}
%%
`
	for name, test := range map[string]struct{ code, says, fails string }{
		"garbage": {code: `pipe().WriteString(strings.Repeat("this is no gob ", 1000))`, says: "gantry: a display is left out: "},
		"nothing": {code: `pipe().Close()`},
		"half a display": {code: `b := encoded(strings.Repeat("x", 5000))
			pipe().Write(b[:len(b)-7])`},
		"killed amid a display": {code: `b := encoded(strings.Repeat("x", 50_000_000))
			go func() { pipe().Write(b) }()
			time.Sleep(20*time.Millisecond)
			p, _ := os.FindProcess(os.Getpid())
			p.Kill()
			select {}`, fails: "signal: killed"},
		"a length of 4 GB": {code: `pipe().Write([]byte{0xfb, 0, 1, 0, 0, 0, 0, 0})`},
		"too large": {code: `f := pipe()
			f.Write([]byte{0xfc, 0x20, 0, 0, 0})
			room := make([]byte, 1<<20)
			for range 512 {
				if _, err := f.Write(room); err != nil { fmt.Println("refused") ; break }
			}`, says: "it has more than 256 MB"},
		"a type of the program's own": {code: `gob.Register(Own{})
			gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"text/plain": Own{1}}})
			gonbui.DisplayHTML("after it")
			gonbui.Sync()`, says: "name not registered"},
		"a number that JSON has not": {code: `gonbui.SendData(&protocol.DisplayData{Data: map[protocol.MIMEType]any{"text/plain": []float64{1/(float64(len(os.Args))-1)}}})
			gonbui.DisplayHTML("after it")`, says: "unsupported value: +Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			r := c.run(head + test.code)
			if (r.status == "ok") != (test.fails == "") || !strings.Contains(r.evalue, test.fails) {
				t.Errorf("status %s: %s", r.status, r.evalue)
			}
			if lines := strings.Count(r.stderr, "\n"); !strings.Contains(r.stderr, test.says) || test.says == "" && lines > 0 || test.says != "" && lines != 1 {
				t.Errorf("says %q, want %q", r.stderr, test.says)
			}
			if strings.Contains(test.code, "after it") && (len(r.data) != 1 || r.data[0]["text/html"] != "after it") {
				t.Errorf("shows %v", r.data)
			}
			if name == "too large" && r.stdout != "refused\n" {
				t.Errorf("the program is not told: %q", r.stdout)
			}
			r = c.run("import \"github.com/janpfeifer/gonb/gonbui\"\n%%\ngonbui.DisplayHTML(\"next\")")
			if r.status != "ok" || len(r.data) != 1 || r.stderr != "" {
				t.Errorf("the next cell: %+v", r)
			}
		})
	}
}

// TestOrphansShowNothing has a process outlive its cell and go on showing: it gets an error, and later cells their displays.
func TestOrphansShowNothing(t *testing.T) {
	c := startKernel(t)
	file := t.TempDir() + "/said"
	r := c.run(fmt.Sprintf(`import (
	"os/exec"
	"github.com/janpfeifer/gonb/gonbui"
)
%%%%
if os.Getenv("ORPHAN") == "" {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ORPHAN=1")
	shows, err := child.StdoutPipe()
	if err != nil { panic(err) }
	if err := child.Start(); err != nil { panic(err) }
	shows.Read(make([]byte, 1))
	return
}
gonbui.Sync()
fmt.Println("it has the pipe")
for gonbui.Error() == nil {
	gonbui.DisplayHTML("orphan")
	time.Sleep(time.Millisecond)
}
os.WriteFile(%q, []byte(gonbui.Error().Error()), 0o600)`, file))
	if r.status != "ok" {
		t.Fatalf("%+v", r)
	}
	for i := range 5 {
		r := c.run(fmt.Sprintf("import \"github.com/janpfeifer/gonb/gonbui\"\n%%%%\ngonbui.DisplayHTML(\"cell %d\")", i))
		if r.status != "ok" || len(r.data) != 1 || r.stderr != "" {
			t.Errorf("cell %d: %+v", i, r)
		}
	}
	c.mustRun(`%%
for {
	if said, err := os.ReadFile("`+file+`"); err == nil {
		fmt.Println(string(said))
		break
	}
	time.Sleep(5*time.Millisecond)
}`, "broken pipe")
}

// gonbPage is a page that runs GoNB's side of its widgets.
type gonbPage struct {
	*client
	values []any // that programs sent to /last
}

// follow does what GoNB's JavaScript does, up to the end of a cell.
func (p *gonbPage) follow(id string) {
	p.t.Helper()
	p.next(p.iopub, cellPatience, "idle state", func(m received) bool {
		data, _ := m.content["data"].(map[string]any)
		switch m.header.MsgType {
		case "display_data":
			if script, _ := data["text/html"].(string); strings.Contains(script, "<script>") {
				p.send(p.shell, "comm_open", map[string]any{
					"comm_id": "page", "target_name": "gonb_comm", "kernel_id": kernelID, "data": map[string]any{},
				})
			}
		case "comm_msg":
			switch data["address"] {
			case "#heartbeat/ping":
				p.send(p.shell, "comm_msg", map[string]any{"comm_id": "page", "data": map[string]any{"address": "#heartbeat/pong", "value": true}})
			case "/last":
				p.values = append(p.values, data["value"])
			}
		}
		return answers(id, "status")(m) && m.content["execution_state"] == "idle"
	})
	p.next(p.shell, cellPatience, "execute_reply", answers(id, "execute_reply"))
}

// TestLastValues lets programs send a value to the page, as GoNB's widgets do, and end at once.
func TestLastValues(t *testing.T) {
	p := &gonbPage{client: startKernel(t)}
	const rounds = 20
	for i := range rounds {
		p.follow(p.execute(fmt.Sprintf("import \"github.com/janpfeifer/gonb/gonbui/comms\"\n%%%%\ncomms.Send(\"/last\", %d)\nos.Exit(0)", i)))
	}
	if len(p.values) != rounds {
		t.Errorf("%d of %d values arrive: %v", len(p.values), rounds, p.values)
	}
}

// TestLastMessages lets programs send a message through the channel, as resident runs and widgets do, and end at once.
// Their cells must not end before it is there, nor may they while the machine has much else to do.
func TestLastMessages(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	for range 2 * runtime.NumCPU() {
		other := exec.Command("sh", "-c", "while :; do :; done")
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			other.Process.Kill()
			other.Wait()
		}()
	}
	for i := range 30 {
		r := c.run(fmt.Sprintf(`import (
	"context"
	"gantry.local/kernel-ext/channel"
)
%%%%
conn, err := channel.Dial(context.Background(), "")
if err != nil { panic(err) }
content := []byte(`+"`"+`{"data": {"text/plain": "%d"}, "metadata": {}}`+"`"+`)
for range 50 {
	if err := conn.Send(channel.Message{Type: "display_data", Content: content}); err != nil { panic(err) }
}
os.Exit(0)`, i))
		if r.status != "ok" || len(r.data) != 50 {
			t.Errorf("cell %d is %s and has shown %d of 50: %s", i, r.status, len(r.data), r.evalue)
		}
	}
}

// TestDisplaysBehindWhatThePageAwaits shows something after a value for a page that is not there: GoNB waits seconds for
// the page, and has not read the display when the program ends.
func TestDisplaysBehindWhatThePageAwaits(t *testing.T) {
	c := startKernel(t)
	r := c.run("import (\n\t\"github.com/janpfeifer/gonb/gonbui\"\n\t\"github.com/janpfeifer/gonb/gonbui/comms\"\n)\n%%\ncomms.Send(\"/x\", 1)\ngonbui.DisplayHTML(\"behind it\")")
	if n := len(r.data); r.status != "ok" || n == 0 || r.data[n-1]["text/html"] != "behind it" {
		t.Errorf("%.500v", r)
	}
}
