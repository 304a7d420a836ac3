package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gantry.local/kernel-ext/comms"
	"gantry.local/kernel-ext/engine/wire"
	"gantry.local/kernel-ext/jupyter"
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
	send := func(to *readAhead, header, parent, metadata, content string) {
		t.Helper()
		sent++
		m := &jupyter.Message{Header: []byte(header), Parent: []byte(parent), Metadata: []byte(metadata), Content: []byte(content)}
		if err := to.Send(c.signer.Frames(m)); err != nil {
			t.Fatal(err)
		}
	}
	head := func(msgType string) (text, id string) {
		m := jupyter.NewMessage(c.session, msgType, nil, map[string]any{})
		h, _ := jupyter.DecodeHeader(m.Header)
		return string(m.Header), h.MsgID
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
		c.next(c.shell, 10*second, "kernel_info_reply after "+what, answers(id, "kernel_info_reply"))
	}
	const whole = `{"code": "", "silent": false, "store_history": false, "comm_id": "c", "target_name": "gonb_comm", "data": {}}`
	types := []string{"execute_request", "complete_request", "inspect_request", "is_complete_request", "history_request",
		"comm_info_request", "kernel_info_request", "comm_open", "comm_msg", "input_reply"}
	sockets := map[string]*readAhead{"shell": c.shell, "control": c.control, "stdin": c.stdin}
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
			send(to, strings.Replace("{"+strings.TrimPrefix(more, "{"), c.session, jupyter.NewID(), 1), "{}", "{}", `{"code": ""}`)
		}
		alive(socket + " headers")
	}
	for socket, to := range map[string]*readAhead{"shell": c.shell, "control": c.control} { // contents with fields of other types
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
	c.next(c.shell, 3*cellPatience, "end of all cells that were well formed after all", answers(id, "execute_reply"))
	for _, content := range wrong() { // while a cell waits for input
		id := c.execute("%with_inputs\n!read line; echo got $line")
		request := c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
		text, _ := head("input_reply")
		send(c.stdin, text, "{}", "{}", content.text)
		text, _ = head("input_reply")
		send(c.stdin, text, "{}", "{}", `{"value": 7}`)
		answer := jupyter.NewReply(c.session, "input_reply", request.Message, map[string]string{"status": "ok", "value": "tea"})
		if err := c.stdin.Send(c.signer.Frames(answer)); err != nil {
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
func (c *client) refused(from *readAhead, id, msgType, what string) {
	c.t.Helper()
	reply := strings.TrimSuffix(msgType, "_request") + "_reply"
	r := c.next(from, 10*second, reply+" to "+what, answers(id, reply))
	if r.content["status"] != "error" || r.content["evalue"] == "" {
		c.t.Errorf("%s: %v", what, r.content)
	}
}

// TestNothingIsTakenTwice sends signed messages again, which anybody can do who has seen them.
func TestNothingIsTakenTwice(t *testing.T) {
	c := startKernel(t)
	request := jupyter.NewMessage(c.session, "execute_request", nil, map[string]any{"code": "!echo once"})
	frames := c.signer.Frames(request)
	h, _ := jupyter.DecodeHeader(request.Header)
	upper := slices.Clone(frames)
	upper[1] = bytes.ToUpper(upper[1])
	for _, again := range [][][]byte{frames, frames, upper} {
		if err := c.shell.Send(again); err != nil {
			t.Fatal(err)
		}
	}
	if r := c.finish(h.MsgID); !strings.Contains(r.stdout, "once") {
		t.Errorf("%+v", r)
	}
	if err := c.control.Send(frames); err != nil {
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

// FuzzMessage gives the parts of a message of a front-end whose signature is right.
func FuzzMessage(f *testing.F) {
	good := jupyter.NewMessage("s", "execute_request", nil, map[string]any{"code": "1"})
	f.Add(good.Header, good.Parent, good.Metadata, good.Content)
	for _, p := range wrong() {
		if len(p.text) < 1000 {
			f.Add([]byte(p.text), []byte("{}"), []byte("{}"), []byte("{}"))
			f.Add(good.Header, []byte(p.text), []byte("{}"), []byte("{}"))
			f.Add(good.Header, []byte("{}"), []byte("{}"), []byte(p.text))
		}
	}
	g := jupyter.NewGate(nil)
	h := comms.NewHub(comms.Kernel{
		Session: g.Session, Cell: func() json.RawMessage { return json.RawMessage("{}") }, Publish: func(*jupyter.Message) {},
		Reply: func(string, *jupyter.Message) {}, GoNB: func(*jupyter.Message, string, any) {}, Log: func(string, ...any) {},
		Complain: func(string, ...any) {}, Done: f.Context().Done(),
	})
	f.Fuzz(func(t *testing.T, rawHeader, parent, metadata, content []byte) {
		sent := &jupyter.Message{Header: rawHeader, Parent: parent, Metadata: metadata, Content: content}
		m, head, err := g.Admit(append([][]byte{[]byte("peer")}, g.Signer.Frames(sent)...))
		if err != nil || jupyter.CheckParts(m) != nil {
			return
		}
		if head.MsgID == "" || head.MsgType == "" {
			t.Fatal("a header without an id or a type passes")
		}
		var asPython map[string]any // what all front-ends get as parent header
		if json.Unmarshal(m.Header, &asPython) != nil || asPython["msg_id"] != head.MsgID {
			t.Fatalf("the header reads as %v, its id is taken to be %q", asPython, head.MsgID)
		}
		if c, err := newCell("shell", m); err == nil {
			if _, err := json.Marshal(wire.Cell{ID: 1, Code: c.code, AllowStdin: c.allowStdin}); err != nil {
				t.Fatal(err)
			}
		}
		h.Takes("shell", m, head)
	})
}
