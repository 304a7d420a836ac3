package kernel

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	cellchannel "gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/internal/hostile"
	"gantry.local/kernel-ext/internal/private"
)

// dialChannel connects to the channel of the client's kernel, as a program of a cell would.
func (c *client) dialChannel() net.Conn {
	c.t.Helper()
	path := cellchannel.Path(c.file)
	for deadline := time.Now().Add(cellPatience); ; time.Sleep(2 * time.Millisecond) {
		conn, err := private.Dial(c.t.Context(), filepath.Dir(path), filepath.Base(path))
		if err == nil {
			return conn
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the channel does not take a connection: %v\n%s", err, c.log)
		}
	}
}

// TestHostilePeersOfTheChannel lets 3 000 connections to the channel break its protocol.
func TestHostilePeersOfTheChannel(t *testing.T) {
	const seed, rounds = 11, 3000
	c := startKernel(t)
	c.mustRun(hello, "hello")
	before := c.holdings()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for i := range rounds {
		conn := c.dialChannel()
		if err := hostile.Send(rnd, conn, hostile.Channel(rnd), time.Millisecond); err != nil {
			t.Errorf("message %d of seed %d: %v", i, seed, err)
		}
		select {
		case <-c.exited:
			t.Fatalf("message %d of seed %d ended the kernel\n%s", i, seed, c.log)
		default:
		}
	}
	c.mustRun(panelCell+"%%\nui, err := widget.Connect(context.Background(), \"\", nil)\n"+
		"if err == nil { err = panel(ui) }\nfmt.Println(\"error:\", err, os.Args[0] != \"\", time.Now().IsZero())", "error: <nil>")
	for deadline := time.Now().Add(cellPatience); ; time.Sleep(20 * time.Millisecond) {
		after := c.holdings()
		if after.descriptors <= before.descriptors+4 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %d hostile peers %+v", before, rounds, after)
		}
	}
}

// TestSilentPeersDelayNoEnd wants a kernel to end at once though connections to its channel have not said who they are.
func TestSilentPeersDelayNoEnd(t *testing.T) {
	c := startKernel(t)
	c.mustRun(hello, "hello")
	for range 5 {
		defer c.dialChannel().Close()
	}
	begun := time.Now()
	c.process.Process.Signal(syscall.SIGTERM)
	<-c.exited
	if took := time.Since(begun); took > 3*second {
		t.Errorf("the kernel took %s to end", took)
	}
}

// TestFolderOfTheChannelTaken has another take the places where the channel was, and is.
func TestFolderOfTheChannelTaken(t *testing.T) {
	const dials = "import (\"context\"; \"fmt\"; \"gantry.local/kernel-ext/channel\")\n%%\n_, err := channel.Dial(context.Background(), \"\")\nfmt.Println(\"error:\", err)"
	take := func(dir string) {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil { // as another user's, also where the test is not root's
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(dir, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Run("in the shared temporary folder", func(t *testing.T) {
		temp, err := os.MkdirTemp("/tmp", "gk-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(temp)
		take(filepath.Join(temp, "gantry-"+strconv.Itoa(os.Getuid())))
		c := startKernel(t, "TMPDIR="+temp)
		c.mustRun(dials, "error: <nil>")
	})
	t.Run("beside the connection file", func(t *testing.T) {
		c := startKernel(t)
		c.mustRun(hello, "hello")
		c.process.Process.Signal(syscall.SIGTERM)
		<-c.exited
		dir := filepath.Dir(cellchannel.Path(c.file))
		take(dir)
		c.again()
		if r := c.run(hello); r.status != "ok" || !strings.Contains(r.stderr, "widgets") || !strings.Contains(r.stderr, dir) {
			t.Errorf("the first cell says %+v, want that widgets do not work, and why", r)
		}
	})
}

// TestStoppedHostGivesWay runs a cell again whose host of widgets is stopped: the new host takes its place.
func TestStoppedHostGivesWay(t *testing.T) {
	c := startKernel(t, "GANTRY_WIDGET_PATIENCE=1s")
	c.mustRun(hostCell, "hosted")
	former := c.hosts(t)
	if len(former) != 1 {
		t.Fatalf("hosts: %v, want one", former)
	}
	pid, err := strconv.Atoi(filepath.Base(former[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := hostile.Freeze(t.Context(), pid); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	c.mustRun(hostCell, "hosted")
	if now := c.hosts(t); len(now) != 1 || now[0] == former[0] {
		t.Errorf("hosts: %v, before %v; want another one", now, former)
	}
}
