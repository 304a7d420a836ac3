package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter/zmtp"
	"gantry.local/kernel-ext/jupyter/zmtp/zmtptest"
)

// ports are a kernel's five, with the kind of peer that each is for.
func (c *client) ports() map[string]struct {
	port int
	peer string
} {
	type port = struct {
		port int
		peer string
	}
	return map[string]port{
		"shell": {c.connection.Shell, "DEALER"}, "control": {c.connection.Control, "DEALER"},
		"stdin": {c.connection.Stdin, "DEALER"}, "iopub": {c.connection.IOPub, "SUB"}, "heartbeat": {c.connection.Heartbeat, "REQ"},
	}
}

// raw connects to a port without a word.
func (c *client) raw(port int) (net.Conn, error) {
	network, address, err := splitEndpoint(c.connection.endpoint(port))
	if err != nil {
		return nil, err
	}
	return net.Dial(network, address)
}

// unsigned are Jupyter messages on the wire that no kernel may take, from a peer without the key.
func unsigned() [][]byte {
	m := newMessage("s", "execute_request", nil, map[string]any{"code": hello})
	frames := signer{[]byte("guessed")}.frames(m)
	empty := [][]byte{}
	var all [][]byte
	for _, frames := range [][][]byte{
		frames, frames[1:], frames[:4], {[]byte(delimiter)}, {{}, {}}, slices.Concat(frames, slices.Repeat([][]byte{{7}}, 100)),
		{[]byte(delimiter), {}, []byte("{}"), []byte("{}"), []byte("{}"), []byte("{}")},
		{[]byte(delimiter), []byte("zz"), []byte("[]"), []byte("1"), nil, []byte{255, 254}},
		append(empty, bytes.Repeat([]byte(delimiter), 1000)), {append([]byte{1}, "topic"...)}, {{0}}, {{2, 3, 4}},
	} {
		all = append(all, zmtptest.Message(frames...))
	}
	return all
}

// TestMalformedOnEachPort throws 3000 malformed handshakes and messages at each of the five ports of a kernel, over both
// transports, while a client works.
func TestMalformedOnEachPort(t *testing.T) {
	const each, workers, seed = 3000, 4, 11
	for _, transport := range []string{"tcp", "ipc"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			c := startKernelOver(t, transport)
			messages := unsigned()
			var together sync.WaitGroup
			failed := make(chan error, 100)
			for name, port := range c.ports() {
				for worker := range workers {
					together.Go(func() {
						peer := zmtptest.NewPeer(port.peer, rand.NewPCG(seed, uint64(worker)), messages...)
						for i := range each / workers {
							if err := c.throw(port.port, peer.Next(), i%50 == 0); err != nil {
								select {
								case failed <- fmt.Errorf("%s, %d of worker %d: %w", name, i, worker, err):
								default:
								}
								return
							}
						}
					})
				}
			}
			c.mustRun(hello, "hello") // meanwhile
			together.Wait()
			close(failed)
			for err := range failed {
				t.Error(err)
			}
			c.mustRun(hello, "hello")
			c.endsWithoutAPanic(t)
		})
	}
}

// throw says something to a port and leaves, or waits for the end that the kernel makes first.
func (c *client) throw(port int, text []byte, wait bool) error {
	conn, err := c.raw(port)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write(text) // the kernel may close first
	if wait {
		switch conn := conn.(type) {
		case *net.TCPConn:
			conn.CloseWrite()
		case *net.UnixConn:
			conn.CloseWrite()
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			return fmt.Errorf("the kernel keeps a peer that is gone: %w", err)
		}
	}
	return nil
}

// endsWithoutAPanic ends the kernel and looks for the trace of a panic in its log, also of one that it survived.
func (c *client) endsWithoutAPanic(t *testing.T) {
	t.Helper()
	c.process.Process.Signal(syscall.SIGTERM)
	<-c.exited
	if log := c.log.String(); strings.Contains(log, "goroutine") || c.process.ProcessState.ExitCode() != 0 {
		t.Error("the kernel panicked")
	}
}

// TestStrangersTakeLittle holds thousands of connections open at each port, in each stage of a handshake and behind it,
// some in the middle of large messages. A client that is connected works on, and new ones are served.
func TestStrangersTakeLittle(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	var open []net.Conn
	defer func() {
		for _, conn := range open {
			conn.Close()
		}
	}()
	part := zmtptest.Frame(zmtptest.Long, 1<<30, make([]byte, 1<<20))
	for _, port := range c.ports() {
		full := zmtptest.Hello(port.peer, "")
		stages := [][]byte{nil, full[:20], full[:70], full, slices.Concat(full, part)}
		if port.peer == "SUB" {
			stages = append(stages, slices.Concat(full, zmtptest.Frame(0, 1, []byte{1}))) // it never reads
		}
		for i := range 2 * mostPeers {
			conn, err := c.raw(port.port)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
			conn.Write(stages[i%len(stages)]) // the kernel may close first
		}
	}
	c.mustRun("for range 20_000 {\n\tfmt.Println(\"a line that all subscribers get\")\n}", "a line that all subscribers get")
	c.identity = "second-" + newID()[:8]
	c.connect()
	id := c.send(c.shell, "kernel_info_request", map[string]any{})
	c.next(c.shell, 10*time.Second, "kernel_info_reply", answers(id, "kernel_info_reply"))
	id = c.execute("%with_inputs\n!read line; echo got $line")
	request := c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
	answer := newReply(c.session, "input_reply", request.message, map[string]string{"status": "ok", "value": "tea"})
	if err := c.stdin.send(c.signer.frames(answer)); err != nil {
		t.Fatal(err)
	}
	if r := c.finish(id); r.status != "ok" || !strings.Contains(r.stdout, "got tea") {
		t.Errorf("%+v", r)
	}
	beat := c.dial(zmtp.Req, c.connection.Heartbeat)
	defer beat.close()
	if err := beat.send([][]byte{{}, []byte("ping")}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-beat.c:
	case <-time.After(5 * time.Second):
		t.Error("no heartbeat")
	}
	if grown := c.residentSet(t); grown > 700<<20 {
		t.Errorf("the kernel takes %d MiB", grown>>20)
	}
}

// TestANameIsNotTaken lets a stranger connect under the identity of a client.
func TestANameIsNotTaken(t *testing.T) {
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "s")
	s, err := listen(zmtp.Router, endpoint, &logger{to: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(0)
	s.serve(func(frames [][]byte, trust func()) {
		if string(frames[1]) == "signed" {
			trust()
		}
		s.send(frames)
	})
	got := make(chan string, 10)
	hear := func(l *link, name string) {
		for {
			frames, err := l.receive()
			if err != nil {
				got <- name + " cut off"
				return
			}
			got <- name + " " + string(frames[0])
		}
	}
	client := dialForTest(t, zmtp.Dealer, endpoint, "same")
	go hear(client, "client")
	say := func(l *link, text, want string) {
		t.Helper()
		if err := l.send([][]byte{[]byte(text)}); err != nil {
			t.Fatal(err)
		}
		select {
		case heard := <-got:
			if heard != want {
				t.Errorf("%s, want %s", heard, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("nothing is heard, want %s", want)
		}
	}
	say(client, "signed", "client signed")
	stranger := dialForTest(t, zmtp.Dealer, endpoint, "same")
	go hear(stranger, "stranger")
	say(stranger, "guess", "client guess") // the answer goes to whom the name belongs
	say(client, "signed", "client signed")
	again := dialForTest(t, zmtp.Dealer, endpoint, "same") // the client once more, its first connection not seen dead yet
	go hear(again, "again")
	if err := again.send([][]byte{[]byte("signed")}); err != nil {
		t.Fatal(err)
	}
	var heard []string
	for range 3 {
		select {
		case h := <-got:
			heard = append(heard, h)
		case <-time.After(5 * time.Second):
			t.Fatalf("only %q", heard)
		}
	}
	slices.Sort(heard)
	if want := []string{"again signed", "client cut off", "stranger cut off"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// TestManySubscribersThatDoNotReadAreCutOffTogether: each of them alone would hold up a cell for as long as it may.
func TestManySubscribersThatDoNotReadAreCutOffTogether(t *testing.T) {
	s, endpoint := listenForTest(t, zmtp.Pub, func(*socket, [][]byte) {})
	const stopped = 20
	for range stopped {
		if err := dialForTest(t, zmtp.Sub, endpoint, "").subscribe(); err != nil {
			t.Fatal(err)
		}
	}
	subscribed := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		n := 0
		for p := range s.peers {
			if p.subscribed([]byte("x")) {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(5 * time.Second); subscribed() < stopped; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no subscription")
		}
	}
	started := time.Now()
	body := make([]byte, 1<<20)
	for range peerBytes>>20 + 16 {
		s.send([][]byte{[]byte("x"), body})
	}
	if took := time.Since(started); took > stopped/2*s.patience {
		t.Errorf("%d subscribers that do not read hold up the kernel for %s", stopped, took)
	}
}
