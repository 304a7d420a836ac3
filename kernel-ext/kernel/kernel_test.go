package kernel

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter"
	"gantry.local/kernel-ext/jupyter/zmtp"
)

const hello = "import \"fmt\"\nfunc main() { fmt.Println(\"hello\") }"

// TestConversation runs everything that one kernel can be asked in turn, on one kernel.
func TestConversation(t *testing.T) {
	c := startKernel(t)
	step := func(name string, check func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			defer func(whole testing.TB) { c.t = whole }(c.t)
			c.t = t
			check(t)
		})
	}

	step("kernel_info is answered within 2 s of the start, each time it is asked", func(t *testing.T) {
		asked := []string{
			c.send(c.shell, "kernel_info_request", map[string]any{}),
			c.send(c.shell, "kernel_info_request", map[string]any{}),
		}
		for _, id := range asked {
			r := c.next(c.shell, 2*second, "kernel_info_reply", answers(id, "kernel_info_reply"))
			if r.content["status"] != "ok" || r.content["protocol_version"] != "5.4" {
				t.Errorf("kernel_info_reply: %v", r.content)
			}
		}
		if took := time.Since(c.started); took > 2*second {
			t.Errorf("answered %s after the start of the process", took)
		} else {
			t.Logf("answered %s after the start of the process", took)
		}
		id := c.send(c.control, "kernel_info_request", map[string]any{})
		r := c.next(c.control, 2*second, "kernel_info_reply on control", answers(id, "kernel_info_reply"))
		if r.content["status"] != "ok" {
			t.Errorf("kernel_info_reply on control: %v", r.content)
		}
	})

	step("heartbeats come back", func(t *testing.T) {
		l := c.dial(zmtp.Req, c.connection.Heartbeat)
		defer l.Close()
		for _, beat := range []string{"ping", "again"} {
			if err := l.Send([][]byte{{}, []byte(beat)}); err != nil { // the empty frame is the REQ envelope
				t.Fatal(err)
			}
			select {
			case frames := <-l.c:
				if len(frames) != 2 || string(frames[1]) != beat {
					t.Errorf("heartbeat %q came back as %q", beat, frames)
				}
			case <-time.After(second):
				t.Fatal("no heartbeat within 1 s")
			}
		}
	})

	step("the first cell counts as 1 and streams its output", func(t *testing.T) {
		r := c.run(hello)
		if r.status != "ok" || r.stdout != "hello\n" || r.stderr != "" || r.count != 1.0 {
			t.Errorf("%+v", r)
		}
	})

	step("parent headers come back as they were sent", func(t *testing.T) {
		m := jupyter.NewMessage(c.session, "kernel_info_request", nil, map[string]any{})
		m.Header = append(bytes.TrimSuffix(m.Header, []byte("}")), `, "subshell_id": null, "x-own": [1, 2]}`...)
		if err := c.shell.Send(c.signer.Frames(m)); err != nil {
			t.Fatal(err)
		}
		h, _ := jupyter.DecodeHeader(m.Header)
		r := c.next(c.shell, 5*second, "reply", answers(h.MsgID, "kernel_info_reply"))
		if !bytes.Equal(r.Message.Parent, m.Header) {
			t.Errorf("parent header %s, sent %s", r.Message.Parent, m.Header)
		}
	})

	step("routing identities behind the first come back", func(t *testing.T) {
		m := jupyter.NewMessage(c.session, "kernel_info_request", nil, map[string]any{})
		m.Identities = [][]byte{[]byte("proxy-1"), {0, 255, 1}}
		if err := c.shell.Send(c.signer.Frames(m)); err != nil {
			t.Fatal(err)
		}
		r := c.next(c.shell, 5*second, "reply", ofType("kernel_info_reply"))
		if !slices.EqualFunc(r.Identities, m.Identities, bytes.Equal) {
			t.Errorf("identities %q, sent %q", r.Identities, m.Identities)
		}
	})

	step("a wrong signature is dropped, the kernel lives", func(t *testing.T) {
		m := jupyter.NewMessage(c.session, "execute_request", nil, map[string]any{"code": "!echo stolen"})
		frames := jupyter.Signer{Key: []byte("guessed")}.Frames(m)
		if err := c.shell.Send(frames); err != nil {
			t.Fatal(err)
		}
		id := c.send(c.shell, "kernel_info_request", map[string]any{})
		forged, _ := jupyter.DecodeHeader(m.Header)
		c.next(c.iopub, 5*second, "idle", func(r received) bool {
			if r.parent.MsgID == forged.MsgID {
				t.Errorf("the forged message was taken: %s", r.Message.Content)
			}
			return answers(id, "status")(r) && r.content["execution_state"] == "idle"
		})
		c.next(c.shell, 5*second, "reply", answers(id, "kernel_info_reply"))
	})

	step("a request may leave fields to their defaults", func(t *testing.T) {
		c.send(c.shell, "execute_request", 7) // dropped
		r := c.finish(c.send(c.shell, "execute_request", map[string]any{"code": hello}))
		if r.status != "ok" || r.stdout != "hello\n" {
			t.Errorf("%+v", r)
		}
	})

	step("an image is displayed", func(t *testing.T) {
		r := c.run(`import (
	"image"
	"github.com/janpfeifer/gonb/gonbui"
)
func main() {
	if err := gonbui.DisplayImage(image.NewGray(image.Rect(0, 0, 3, 2))); err != nil { panic(err) }
	gonbui.Sync()
}`)
		if r.status != "ok" || len(r.data) != 1 || !strings.HasPrefix(fmt.Sprint(r.data[0]["image/png"]), "iVBOR") {
			t.Errorf("%+v", r)
		}
	})

	step("a cell reads what the user types", func(t *testing.T) {
		id := c.execute("%with_inputs\n!read line; echo got $line")
		request := c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
		answer := jupyter.NewReply(c.session, "input_reply", request.Message, map[string]string{"status": "ok", "value": "tea"})
		if err := c.stdin.Send(c.signer.Frames(answer)); err != nil {
			t.Fatal(err)
		}
		if r := c.finish(id); r.status != "ok" || !strings.Contains(r.stdout, "got tea") {
			t.Errorf("%+v", r)
		}
	})

	step("comm messages go both ways", func(t *testing.T) {
		c.send(c.shell, "comm_open", map[string]any{
			"comm_id": "c1", "target_name": "gonb_comm", "kernel_id": kernelID, "data": map[string]any{},
		})
		address := func(r received) any { return r.content["data"].(map[string]any)["address"] }
		r := c.next(c.iopub, 5*second, "comm_msg from the kernel", ofType("comm_msg"))
		if r.content["comm_id"] != "c1" || address(r) != "#comm_open_ack" {
			t.Errorf("comm_msg %v", r.content)
		}
		id := c.send(c.shell, "comm_msg", map[string]any{
			"comm_id": "c1", "data": map[string]any{"address": "#heartbeat/ping", "value": true},
		})
		if r := c.next(c.iopub, 5*second, "answer", answers(id, "comm_msg")); address(r) != "#heartbeat/pong" {
			t.Errorf("comm_msg %v", r.content)
		}
	})

	step("a compile error names the line", func(t *testing.T) {
		r := c.run("func main() {\n\tundefinedThing()\n}")
		if r.status != "error" || !strings.Contains(r.evalue+r.stderr, "undefinedThing") {
			t.Errorf("%+v", r)
		}
	})

	step("a module that is not required is named, with the way to add it", func(t *testing.T) {
		r := c.run("import \"example.test/absent\"\nfunc main() { absent.F() }")
		text := r.evalue + r.stderr
		if r.status != "error" || !strings.Contains(text, "example.test/absent") || !strings.Contains(text, "go get") {
			t.Errorf("%+v", r)
		}
	})

	step("an interrupt ends the running cell within a second", func(t *testing.T) {
		id := c.execute("import (\"fmt\"; \"time\")\nfunc main() { fmt.Println(\"running\"); time.Sleep(time.Hour) }")
		c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		started := time.Now()
		asked := c.send(c.control, "interrupt_request", map[string]any{})
		c.next(c.control, second, "interrupt_reply", answers(asked, "interrupt_reply"))
		c.next(c.shell, second, "execute_reply", answers(id, "execute_reply"))
		t.Logf("interrupted in %s", time.Since(started))
		c.mustRun(hello, "hello")
	})

	step("a large message passes", func(t *testing.T) {
		c.mustRun("%%bash\necho taken; exit\n# "+strings.Repeat("0123456789abcdef", 1<<18), "taken")
	})

	step("clients that come and go do no harm", func(t *testing.T) {
		for range 20 {
			l := c.dial(zmtp.Dealer, c.connection.Shell)
			c.send(l, "kernel_info_request", map[string]any{})
			l.Close()
			c.dial(zmtp.Sub, c.connection.IOPub).Close()
		}
		c.shell = c.dial(zmtp.Dealer, c.connection.Shell) // the same identity, taken over by the last to come
		c.mustRun(hello, "hello")
	})

	step("the cell module survives %reset", func(t *testing.T) {
		const pinned = "import \"gantry.local/kernel-ext/kernel\"\n" +
			"import \"fmt\"\nfunc main() { fmt.Printf(\"%T\\n\", kernel.Config{}) }"
		c.mustRun(pinned, "kernel.Config")
		c.mustRun("%reset\n"+pinned, "kernel.Config")
		first, second := c.execute("%reset go.mod"), c.execute(pinned)
		c.finish(first)
		if r := c.finish(second); r.status != "ok" {
			t.Errorf("the cell behind a %%reset: %+v", r)
		}
	})

	step("a shutdown request leaves nothing behind", func(t *testing.T) {
		id := c.execute("import (\"fmt\"; \"time\"; \"os/signal\"; \"os\")\n" +
			"func main() { signal.Ignore(os.Interrupt); fmt.Println(\"running\"); time.Sleep(time.Hour) }")
		c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		asked := c.send(c.control, "shutdown_request", map[string]any{"restart": false})
		c.next(c.control, second, "shutdown_reply", answers(asked, "shutdown_reply"))
		c.expectGone(t)
	})
}

// expectGone waits for the kernel's end and checks that no process and no file of it is left.
func (c *client) expectGone(t *testing.T) {
	t.Helper()
	select {
	case <-c.exited:
	case <-time.After(4 * second): // Jupyter kills a kernel after 5 s
		t.Fatal("the kernel is still there")
	}
	deadline := time.Now().Add(2 * second)
	for len(usersOf(t, c.temp)) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("processes left behind: %v", usersOf(t, c.temp))
		}
		time.Sleep(10 * time.Millisecond)
	}
	left, err := os.ReadDir(c.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("files left behind: %v %v", left, err)
	}
}

// usersOf lists the processes whose environment or arguments mention a folder.
func usersOf(t testing.TB, folder string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(processes, func(process string) bool {
		environment, _ := os.ReadFile(filepath.Join(process, "environ")) // it may be gone
		arguments, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		return !bytes.Contains(append(environment, arguments...), []byte(folder))
	})
}

func TestSIGTERMLeavesNothingBehind(t *testing.T) {
	c := startKernel(t)
	id := c.execute("import (\"fmt\"; \"time\")\nfunc main() { fmt.Println(\"running\"); time.Sleep(time.Hour) }")
	c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
	c.process.Process.Signal(syscall.SIGTERM)
	c.expectGone(t)
	if code := c.process.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestKillTakesGoNBAlong(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	c.process.Process.Kill()
	<-c.exited
	deadline := time.Now().Add(5 * second)
	for len(usersOf(t, c.temp)) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("processes left behind: %v", usersOf(t, c.temp))
		}
		time.Sleep(10 * time.Millisecond)
	}
	next := startKernel(t, "TMPDIR="+c.temp) // it clears away what the killed one left
	next.mustRun(hello, "hello")
	if left, err := filepath.Glob(filepath.Join(c.temp, "gantry-kernel-"+"*")); err != nil || len(left) != 1 {
		t.Errorf("folders of kernels: %v, want only the running one's", left)
	}
}

func TestDeathOfGoNBEndsTheKernel(t *testing.T) {
	c := startKernel(t)
	c.execute("!kill -9 $PPID")
	c.expectGone(t)
	code := c.process.ProcessState.ExitCode()
	if code != 1 || !strings.Contains(c.log.String(), "the engine stopped: signal: killed") {
		t.Errorf("exit code %d", code)
	}
}

func TestTroubleWithTheProjectIsTold(t *testing.T) {
	c := startKernel(t, "GANTRY_TEST_PROJECT="+t.TempDir())
	first, second := c.run(hello), c.run(hello)
	oneLine := strings.Count(first.stderr, "\n") == 1 && strings.HasSuffix(first.stderr, "\n")
	if first.stdout != "hello\n" || !oneLine || !strings.Contains(first.stderr, "make setup") {
		t.Errorf("first cell: %+v", first)
	}
	if second.stdout != "hello\n" || second.stderr != "" {
		t.Errorf("second cell: %+v", second)
	}
}

func TestCellOfGoMLX(t *testing.T) {
	c := startKernel(t, "GOMLX_BACKEND="+backend(t))
	c.mustRun(gomlxCell, "42")
}

// gomlxCell uses the project, GoMLX on the backend of the environment, and the standard library.
const gomlxCell = `import (
	"fmt"

	"gantry.local/kernel-ext/kernel"
	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
	"github.com/gomlx/gomlx/core/graph"
)
func main() {
	b := compute.MustNew()
	out := graph.MustExecOnce(b, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) }, float32(21))
	fmt.Println(out.Value(), kernel.Config{}.Engine)
}`

func TestGoGetAddsToTheCellModule(t *testing.T) {
	proxy := moduleProxy(t, "example.test/extra", "v1.0.0", "package extra\n\nfunc Word() string { return \"added\" }\n")
	t.Cleanup(func() { // what `go get` unpacks is read-only and lies in the shared module cache
		cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, pattern := range []string{"example.test", "cache/download/example.test"} {
			root := filepath.Join(strings.TrimSpace(string(cache)), pattern)
			filepath.WalkDir(root, func(path string, _ os.DirEntry, _ error) error { return os.Chmod(path, 0o755) })
			if err := os.RemoveAll(root); err != nil {
				t.Error(err)
			}
		}
	})
	other := moduleProxy(t, "example.test/other", "v1.0.0", "package other\n\nfunc Word() string { return \"fetched\" }\n")
	c := startKernel(t, "GOPROXY=file://"+proxy+",file://"+other, "GOSUMDB=off")
	c.mustRun("import (\"example.test/other\"; \"fmt\")\nfunc main() { fmt.Println(other.Word()) }", "fetched") // by itself
	if r := c.run("!*go get example.test/extra@v1.0.0"); r.status != "ok" {
		t.Fatalf("%+v", r)
	}
	c.mustRun("import (\"example.test/extra\"; \"fmt\")\nfunc main() { fmt.Println(extra.Word()) }", "added")
}

// moduleProxy writes a folder that serves as GOPROXY for one module of one file.
func moduleProxy(t *testing.T, module, version, source string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, module, "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mod := "module " + module + "\n\ngo 1.26\n"
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for name, text := range map[string]string{"go.mod": mod, "extra.go": source} {
		f, err := w.Create(module + "@" + version + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": []byte(`{"Version":"` + version + `"}`),
		version + ".mod": []byte(mod), version + ".zip": packed.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestServeSaysWhatIsWrong(t *testing.T) {
	good := filepath.Join(t.TempDir(), "kernel-1.json")
	text, err := json.Marshal(jupyter.Connection{Transport: "ipc", IP: filepath.Join(t.TempDir(), "s"),
		Shell: 1, IOPub: 2, Stdin: 3, Control: 4, Heartbeat: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(good, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, want string
		config     Config
	}{
		{"no connection file", "connection file", Config{ConnectionFile: "absent.json", Engine: "/bin/true"}},
		{"an engine that fails", "exit status 1", Config{ConnectionFile: good, Engine: "/bin/false"}},
		{"no engine", "run make setup", Config{ConnectionFile: good, Engine: "/nonexistent/engine"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Serve(t.Context(), test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}
