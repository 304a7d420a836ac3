package jupyter

import (
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry.local/kernel-ext/jupyter/zmtp"
)

// libzmqClients talks from libzmq, by way of pyzmq, to sockets of this package, with heartbeats of its own: ROUTER to DEALER
// and REQ, PUB to SUB, REP to REQ; large messages, subscriptions, reconnecting.
const libzmqClients = `
import sys, zmq
router, pub, rep = sys.argv[1:]
context = zmq.Context()
def connect(kind, endpoint, **options):
    s = context.socket(kind)
    s.linger, s.rcvtimeo, s.heartbeat_ivl, s.heartbeat_timeout = 0, 20000, 50, 2000
    for name, value in options.items():
        setattr(s, name, value)
    s.connect(endpoint)
    return s
for kind in (zmq.DEALER, zmq.REQ):
    for identity in (b"", b"me"):
        s = connect(kind, router, identity=identity) if identity else connect(kind, router)
        for parts in ([b"x"], [b"", b"\0\xff" * 200, b""], [b"y" * (5 << 20), b"z"]):
            s.send_multipart(parts)
            assert s.recv_multipart() == parts, (kind, identity)
        if not s.poll(300):  # some heartbeats
            s.send_multipart([b"after"])
            assert s.recv_multipart() == [b"after"]
        s.close()
s = connect(zmq.SUB, pub)
s.subscribe(b"a")
s.subscribe(b"b")
trigger = connect(zmq.DEALER, router)
def published(*parts):
    trigger.send_multipart([b"publish", *parts])
    trigger.recv_multipart()
while not s.poll(50):
    published(b"a1", b"first")
while s.poll(200):
    assert s.recv_multipart()[0] == b"a1"
published(b"c", b"not wanted")
published(b"b2", b"w" * (3 << 20))
assert s.recv_multipart() == [b"b2", b"w" * (3 << 20)]
s.unsubscribe(b"b")
s.subscribe(b"end")
while not s.poll(50):
    published(b"b3", b"late")
    published(b"end", b"")
beat = connect(zmq.REQ, rep)
for i in range(3):
    beat.send(b"ping%d" % i)
    assert beat.recv() == b"ping%d" % i
print("all well")
`

func TestLibzmq(t *testing.T) {
	python, err := filepath.Abs("../../.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	for _, transport := range []string{"tcp", "ipc"} {
		t.Run(transport, func(t *testing.T) {
			var endpoints []string
			open := func(kind zmtp.Kind) *Socket {
				endpoint := "tcp://127.0.0.1:0"
				if transport == "ipc" {
					endpoint = "ipc://" + filepath.Join(t.TempDir(), string(kind))
				}
				s, err := Listen(kind, endpoint, &Logger{To: io.Discard})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { s.Close(0) })
				if transport == "tcp" {
					endpoint = "tcp://" + s.listener.Addr().String()
				}
				endpoints = append(endpoints, endpoint)
				return s
			}
			router, pub, rep := open(zmtp.Router), open(zmtp.Pub), open(zmtp.Rep)
			pub.Serve(nil)
			rep.Serve(nil)
			router.Serve(func(frames [][]byte, trust func()) {
				trust()
				if string(frames[1]) == "publish" {
					pub.Send(frames[2:])
				}
				router.Send(frames)
			})
			said, err := exec.CommandContext(t.Context(), python, append([]string{"-c", libzmqClients}, endpoints...)...).CombinedOutput()
			if err != nil || !strings.Contains(string(said), "all well") {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}
