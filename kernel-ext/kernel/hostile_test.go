package kernel

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/jupyter"
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
	scheme, address, _ := strings.Cut(c.connection.Endpoint(port), "://")
	network := map[string]string{"tcp": "tcp", "ipc": "unix"}[scheme]
	return net.Dial(network, address)
}

// idsMark parts the identities from the signed parts of a message.
const idsMark = "<IDS|MSG>"

// unsigned are Jupyter messages on the wire that no kernel may take, from a peer without the key.
func unsigned() [][]byte {
	m := jupyter.NewMessage("s", "execute_request", nil, map[string]any{"code": hello})
	frames := jupyter.Signer{Key: []byte("guessed")}.Frames(m)
	empty := [][]byte{}
	var all [][]byte
	for _, frames := range [][][]byte{
		frames, frames[1:], frames[:4], {[]byte(idsMark)}, {{}, {}}, slices.Concat(frames, slices.Repeat([][]byte{{7}}, 100)),
		{[]byte(idsMark), {}, []byte("{}"), []byte("{}"), []byte("{}"), []byte("{}")},
		{[]byte(idsMark), []byte("zz"), []byte("[]"), []byte("1"), nil, []byte{255, 254}},
		append(empty, bytes.Repeat([]byte(idsMark), 1000)), {append([]byte{1}, "topic"...)}, {{0}}, {{2, 3, 4}},
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
	conn.SetDeadline(time.Now().Add(20 * second))
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
		for i := range 2 * jupyter.MostPeers {
			conn, err := c.raw(port.port)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			conn.SetWriteDeadline(time.Now().Add(5 * second))
			conn.Write(stages[i%len(stages)]) // the kernel may close first
		}
	}
	c.mustRun("for range 20_000 {\n\tfmt.Println(\"a line that all subscribers get\")\n}", "a line that all subscribers get")
	c.identity = "second-" + jupyter.NewID()[:8]
	c.connect()
	id := c.send(c.shell, "kernel_info_request", map[string]any{})
	c.next(c.shell, 10*second, "kernel_info_reply", answers(id, "kernel_info_reply"))
	id = c.execute("%with_inputs\n!read line; echo got $line")
	request := c.next(c.stdin, cellPatience, "input_request", answers(id, "input_request"))
	answer := jupyter.NewReply(c.session, "input_reply", request.Message, map[string]string{"status": "ok", "value": "tea"})
	if err := c.stdin.Send(c.signer.Frames(answer)); err != nil {
		t.Fatal(err)
	}
	if r := c.finish(id); r.status != "ok" || !strings.Contains(r.stdout, "got tea") {
		t.Errorf("%+v", r)
	}
	beat := c.dial(zmtp.Req, c.connection.Heartbeat)
	defer beat.Close()
	if err := beat.Send([][]byte{{}, []byte("ping")}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-beat.c:
	case <-time.After(5 * second):
		t.Error("no heartbeat")
	}
	if grown := c.residentSet(t); grown > 700<<20 {
		t.Errorf("the kernel takes %d MiB", grown>>20)
	}
}
