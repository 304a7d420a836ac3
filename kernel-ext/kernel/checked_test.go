package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// part is a message's part that is not as the protocol has it.
type part struct{ name, text string }

// wrong are parts that are no JSON objects, or no JSON.
func wrong() []part {
	return []part{
		{"number", "7"}, {"list", "[]"}, {"list of lists", `[[[{}]]]`}, {"text", `"text"`}, {"true", "true"}, {"null", "null"},
		{"nothing", ""}, {"blank", " \n"}, {"half", `{"a":`}, {"two", "{}{}"}, {"no JSON", "{a: 1}"}, {"NaN", `{"a": NaN}`},
		{"not UTF-8", "{\"a\": \"\xff\xfe\"}"}, {"zero bytes", "\x00\x00"}, {"deep lists", strings.Repeat("[", 100_000)},
		{"deep objects", strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)},
	}
}

// TestMalformedSignedMessages sends messages that are signed with the key but made wrong, to each of the sockets that GoNB
// stands behind. None may end the kernel or GoNB, requests are answered where that can be, and what comes after is served.
func TestMalformedSignedMessages(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	sent := 0
	send := func(to *channel, header, parent, metadata, content string) {
		t.Helper()
		sent++
		m := &message{header: []byte(header), parent: []byte(parent), metadata: []byte(metadata), content: []byte(content)}
		if err := to.send(c.signer.frames(m)); err != nil {
			t.Fatal(err)
		}
	}
	head := func(msgType string) (text, id string) {
		m := newMessage(c.session, msgType, nil, map[string]any{})
		h, _ := decodeHeader(m.header)
		return string(m.header), h.MsgID
	}
	alive := func(what string) {
		t.Helper()
		c.t.Helper()
		id := c.send(c.shell, "kernel_info_request", map[string]any{})
		select {
		case <-c.exited:
			t.Fatalf("%s: the kernel is dead", what)
		default:
		}
		c.next(c.shell, 10*time.Second, "kernel_info_reply after "+what, answers(id, "kernel_info_reply"))
	}
	const whole = `{"code": "", "silent": false, "store_history": false, "comm_id": "c", "target_name": "gonb_comm", "data": {}}`
	types := []string{"execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request",
		"comm_info_request", "kernel_info_request", "comm_open", "comm_msg", "input_reply"}
	sockets := map[string]*channel{"shell": c.shell, "control": c.control, "stdin": c.stdin}
	for socket, to := range sockets {
		for _, msgType := range types {
			for _, p := range wrong() {
				what := fmt.Sprint(socket, " ", msgType, " ", p.name)
				answered := strings.HasSuffix(msgType, "_request") && socket != "stdin"
				text, id := head(msgType)
				send(to, text, p.text, "{}", whole)
				if p.name != "null" && answered {
					c.refused(to, id, msgType, what+" as parent header")
				}
				text, id = head(msgType)
				send(to, text, "{}", p.text, whole)
				if p.name != "null" && answered {
					c.refused(to, id, msgType, what+" as metadata")
				}
				text, id = head(msgType)
				send(to, text, "{}", "{}", p.text)
				if answered {
					c.refused(to, id, msgType, what+" as content")
				}
				send(to, p.text, "{}", "{}", whole)
			}
			alive(socket + " " + msgType)
		}
	}
	for socket, to := range sockets { // headers with fields of other types
		for _, field := range []string{"msg_id", "msg_type", "session", "username", "date", "version"} {
			for _, value := range []any{nil, 7, 1.5, true, []int{1}, map[string]any{"a": 1}, "", strings.Repeat("x", 1<<20)} {
				text, _ := head("execute_request")
				var fields map[string]any
				if err := json.Unmarshal([]byte(text), &fields); err != nil {
					t.Fatal(err)
				}
				fields[field] = value
				again, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				send(to, string(again), "{}", "{}", `{"code": ""}`)
			}
		}
		text, _ := head("execute_request")
		for _, more := range []string{ // equal names, names in another case, deep values
			`"msg_id": "first", "msg_id": "second", ` + text[1:], strings.TrimSuffix(text, "}") + `, "MSG_ID": 7, "Session": []}`,
			strings.TrimSuffix(text, "}") + `, "x": ` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
			strings.TrimSuffix(text, "}") + `, "x": "\ud800"}`,
		} {
			send(to, strings.Replace("{"+strings.TrimPrefix(more, "{"), c.session, newID(), 1), "{}", "{}", `{"code": ""}`)
		}
		alive(socket + " headers")
	}
	for socket, to := range map[string]*channel{"shell": c.shell, "control": c.control} { // contents with fields of other types
		for _, msgType := range types {
			for _, field := range []string{"code", "silent", "store_history", "allow_stdin", "stop_on_error", "user_expressions",
				"cursor_pos", "detail_level", "comm_id", "target_name", "data", "hist_access_type", "n", "value", "kernel_id"} {
				for _, value := range []string{"null", "7", "-1", "1e300", "[]", `"text"`, "{}", "true"} {
					text, _ := head(msgType)
					send(to, text, "{}", "{}", fmt.Sprintf(`{"code": "", "cursor_pos": 1, "comm_id": "c", "target_name": "gonb_comm", %q: %s}`, field, value))
				}
			}
			alive(socket + " " + msgType + " contents")
		}
	}
	id := c.execute("")
	c.next(c.shell, 3*time.Minute, "end of all cells that were well formed after all", answers(id, "execute_reply"))
	for _, content := range wrong() { // while a cell waits for input
		id := c.execute("%with_inputs\n!read line; echo got $line")
		request := c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
		text, _ := head("input_reply")
		send(c.stdin, text, "{}", "{}", content.text)
		text, _ = head("input_reply")
		send(c.stdin, text, "{}", "{}", `{"value": 7}`)
		answer := newReply(c.session, "input_reply", request.message, map[string]string{"status": "ok", "value": "tea"})
		if err := c.stdin.send(c.signer.frames(answer)); err != nil {
			t.Fatal(err)
		}
		if r := c.finish(id); r.status != "ok" || !strings.Contains(r.stdout, "got tea") {
			t.Errorf("%s: %+v", content.name, r)
		}
	}
	c.mustRun(hello, "hello")
	t.Logf("%d malformed messages", sent)
	c.endsWithoutAPanic(t)
}

// refused waits for the error that answers a malformed request.
func (c *client) refused(from *channel, id, msgType, what string) {
	c.t.Helper()
	reply := strings.TrimSuffix(msgType, "_request") + "_reply"
	r := c.next(from, 10*time.Second, reply+" to "+what, answers(id, reply))
	if r.content["status"] != "error" || r.content["evalue"] == "" {
		c.t.Errorf("%s: %v", what, r.content)
	}
}

// TestNothingIsTakenTwice sends signed messages again, which anybody can do who has seen them.
func TestNothingIsTakenTwice(t *testing.T) {
	c := startKernel(t)
	request := newMessage(c.session, "execute_request", nil, map[string]any{"code": "!echo once"})
	frames := c.signer.frames(request)
	h, _ := decodeHeader(request.header)
	upper := slices.Clone(frames)
	upper[1] = bytes.ToUpper(upper[1])
	for _, again := range [][][]byte{frames, frames, upper} {
		if err := c.shell.send(again); err != nil {
			t.Fatal(err)
		}
	}
	if r := c.finish(h.MsgID); !strings.Contains(r.stdout, "once") {
		t.Errorf("%+v", r)
	}
	if err := c.control.send(frames); err != nil {
		t.Fatal(err)
	}
	id := c.execute("!echo after")
	c.next(c.iopub, cellPatience, "end of the next cell", func(r received) bool {
		if r.parent.MsgID == h.MsgID {
			t.Errorf("the cell ran again: %s %v", r.header.MsgType, r.content)
		}
		return answers(id, "status")(r) && r.content["execution_state"] == "idle"
	})
}

// TestTheKernelsOwnMessagesAreNotTaken sends a kernel what it said itself, before a restart too: whoever reads iopub has
// well-signed messages.
func TestTheKernelsOwnMessagesAreNotTaken(t *testing.T) {
	key := []byte(newID())
	before := &proxy{signer: signer{key}, log: &logger{to: io.Discard}}
	before.session, before.ownMark = kernelSession(key)
	after := &proxy{signer: signer{key}, log: &logger{to: io.Discard}}
	after.session, after.ownMark = kernelSession(key)
	if before.session == after.session {
		t.Error("JupyterLab tells messages of before a restart by their session")
	}
	said := newMessage(before.session, "comm_msg", nil, map[string]any{"comm_id": "slider", "data": map[string]any{}})
	for name, p := range map[string]*proxy{"the same kernel": before, "the next": after} {
		frames := append([][]byte{[]byte("peer")}, p.signer.frames(said)...)
		trusted := false
		if _, _, ok := p.take("shell", frames, func() { trusted = true }); ok || trusted {
			t.Errorf("%s takes it", name)
		}
	}
	other := newMessage("front-end's", "comm_msg", nil, map[string]any{})
	frames := append([][]byte{[]byte("peer")}, after.signer.frames(other)...)
	if _, _, ok := after.take("shell", frames, func() {}); !ok {
		t.Error("a front-end's is not taken")
	}
}

func TestReplaysForgetTheOldestFirst(t *testing.T) {
	const most = 100
	r := replays{most: most}
	signature := func(i int) []byte { return fmt.Appendf(nil, "%032x%032x", i, i) }
	for i := range 3 * most {
		if !r.first(signature(i)) {
			t.Fatalf("message %d is taken for one that was", i)
		}
		for _, before := range []int{i, max(0, i-most)} {
			if r.first(signature(before)) {
				t.Fatalf("at message %d, %d is forgotten", i, before)
			}
		}
		if len(r.now) > most || len(r.past) > most {
			t.Fatalf("%d and %d are kept", len(r.now), len(r.past))
		}
	}
	for _, bad := range []string{"", "zz", strings.Repeat("0", 62), strings.Repeat("0", 66)} {
		if r.first([]byte(bad)) {
			t.Errorf("%q is taken for a signature", bad)
		}
	}
}

// FuzzMessage gives the parts of a message of a front-end whose signature is right.
func FuzzMessage(f *testing.F) {
	good := newMessage("s", "execute_request", nil, map[string]any{"code": "1"})
	f.Add(good.header, good.parent, good.metadata, good.content)
	for _, p := range wrong() {
		if len(p.text) < 1000 {
			f.Add([]byte(p.text), []byte("{}"), []byte("{}"), []byte("{}"))
			f.Add(good.header, []byte(p.text), []byte("{}"), []byte("{}"))
			f.Add(good.header, []byte("{}"), []byte("{}"), []byte(p.text))
		}
	}
	f.Fuzz(func(t *testing.T, rawHeader, parent, metadata, content []byte) {
		m := &message{header: rawHeader, parent: parent, metadata: metadata, content: content}
		h, err := readHeader(m.header)
		if err != nil || checkParts(m) != nil {
			return
		}
		if h.MsgID == "" || h.MsgType == "" {
			t.Fatal("a header without an id or a type passes")
		}
		var asPython map[string]any // what all front-ends get as parent header
		if json.Unmarshal(m.header, &asPython) != nil || asPython["msg_id"] != h.MsgID {
			t.Fatalf("the header reads as %v, its id is taken to be %q", asPython, h.MsgID)
		}
		if c, err := newCell("shell", m); err == nil {
			if _, err := json.Marshal(c.forGoNB(c.code)); err != nil {
				t.Fatal(err)
			}
		}
		readComm(m)
	})
}

// FuzzCode gives the code and the cursor of what front-ends ask about cells, up to where gopls is asked.
func FuzzCode(f *testing.F) {
	for _, code := range []string{"", hello, "%%\nfmt.Println(1)", "?x", "%help\n%time", "!echo\\", "x := `", "/*", "é😀\r\n%%\r", "f(", ")}", "1 +\n", "\x00"} {
		f.Add(code, 0)
		f.Add(code, 3)
		f.Add(code, -1)
		f.Add(code, 1<<40)
	}
	f.Fuzz(func(t *testing.T, code string, cursor int) {
		isComplete(code)
		question(code)
		cell, at := readCell(code), placeOf(code, cursor)
		_ = cell.lines[at.line][:at.column]
		for _, at := range inspectable(cell, at) {
			utf16Column(cell.goLine(at.line), cell.inProgram(at).column)
		}
		showLast(cell, func(string) bool { return false })
		parses(cell)
	})
}
