package kernel

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry.local/kernel-ext/engine"
)

// deaf is a program that neither prints nor listens to signals that ask.
const deaf = "import \"os/signal\"\n%%\nsignal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)\nfmt.Println(\"begun\")\ntime.Sleep(time.Hour)"

func (c *client) startDeaf() {
	c.t.Helper()
	id := c.execute(deaf)
	c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
}

// leaves waits until nothing of the kernel is left: no process, no file.
func (c *client) leaves(t *testing.T, patience time.Duration) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		users := usersOf(t, c.temp)
		left, err := os.ReadDir(c.temp)
		if err != nil {
			t.Fatal(err)
		}
		if len(users) == 0 && len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			var names []string
			for _, user := range users {
				names = append(names, user+" "+nameOf(user))
			}
			t.Fatalf("left behind after %s: processes %v, files %v", patience, names, left)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestEveryEndingLeavesNothing ends kernels in every way, each in the middle of a program that ignores all signals.
func TestEveryEndingLeavesNothing(t *testing.T) {
	for name, end := range map[string]func(c *client){
		"shutdown request": func(c *client) {
			id := c.send(c.control, "shutdown_request", map[string]any{"restart": true})
			c.next(c.control, second, "shutdown_reply", answers(id, "shutdown_reply"))
		},
		"SIGTERM":           func(c *client) { c.process.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":            func(c *client) { c.process.Process.Signal(syscall.SIGHUP) },
		"kill":              func(c *client) { c.process.Process.Kill() },
		"kill of its group": func(c *client) { syscall.Kill(-c.process.Process.Pid, syscall.SIGKILL) },
		"kill of the engine": func(c *client) {
			for _, user := range usersOf(c.t, c.temp) {
				if pid, err := strconv.Atoi(filepath.Base(user)); err == nil && nameOf(user) == engine.Program {
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		},
	} {
		c := startKernel(t) // one by one: each looks for free ports
		c.startDeaf()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.t = t
			started := time.Now()
			end(c)
			select {
			case <-c.exited:
			case <-time.After(4 * second):
				t.Fatal("the kernel is still there")
			}
			c.leaves(t, 4*second)
			t.Logf("nothing is left after %s", time.Since(started).Round(time.Millisecond))
		})
	}
}

// TestRestarts starts kernels one after the other in one folder, as Jupyter does when a user restarts.
func TestRestarts(t *testing.T) {
	folder, err := os.MkdirTemp("", "gk-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	fastest := time.Hour
	var ended time.Time
	for round := range 6 {
		c := startKernel(t, "TMPDIR="+folder)
		id := c.send(c.shell, "kernel_info_request", map[string]any{})
		c.next(c.shell, 10*second, "kernel_info_reply", answers(id, "kernel_info_reply"))
		if round > 0 {
			took := time.Since(ended)
			fastest = min(fastest, took)
			t.Logf("restart %d: %s from SIGTERM to the first answer", round, took.Round(time.Millisecond))
		}
		if round%2 == 0 {
			c.mustRun(hello, "hello")
		}
		ended = time.Now()
		c.process.Process.Signal(syscall.SIGTERM)
		<-c.exited
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("restart %d leaves %v %v", round, left, err)
		}
		if users := usersOf(t, folder); len(users) > 0 {
			t.Errorf("restart %d leaves processes %v", round, users)
		}
	}
	if fastest > 3*second/2 {
		t.Errorf("the fastest restart took %s", fastest)
	}
}

// TestCellsLeaveNothing compares what a kernel holds before and after many cells.
func TestCellsLeaveNothing(t *testing.T) {
	c := startKernel(t)
	cells := func() {
		c.mustRun(hello, "hello")
		c.mustRun("!echo line", "line")
		c.mustRun("import \"github.com/janpfeifer/gonb/gonbui\"\n%%\ngonbui.DisplayHTML(\"x\")\ngonbui.Sync()\nfmt.Println(\"shown\")", "shown")
		c.fail("%%\npanic(\"boom\")")
		id := c.execute("!echo begun; sleep 1000")
		c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		c.process.Process.Signal(os.Interrupt)
		c.failed(id)
	}
	cells()
	const rounds = 4
	before := c.holdings()
	for range rounds {
		cells()
	}
	grown := func(after holdings) bool { // by one of each round; one or two may be on their way
		return after.processes-before.processes >= rounds || after.descriptors-before.descriptors >= rounds ||
			after.descriptorsOfEngine-before.descriptorsOfEngine >= rounds || after.files-before.files >= rounds
	}
	deadline := time.Now().Add(2 * second)
	for after := c.holdings(); grown(after); after = c.holdings() {
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %d rounds of cells %+v", before, rounds, after)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// holdings counts what a kernel holds.
type holdings struct{ processes, descriptors, descriptorsOfEngine, files int }

func (c *client) holdings() holdings {
	c.t.Helper()
	var h holdings
	for _, user := range usersOf(c.t, c.temp) {
		switch name := nameOf(user); {
		case filepath.Base(user) == strconv.Itoa(c.process.Process.Pid):
			h.descriptors = descriptors(user)
		case name == engine.Program:
			h.descriptorsOfEngine = descriptors(user)
		case name != "gopls" && nameOf(parentOf(user)) == "gopls":
			continue
		}
		h.processes++
	}
	filepath.WalkDir(c.temp, func(path string, _ os.DirEntry, _ error) error {
		if !strings.Contains(path, "go-build") { // gopls may be at work
			h.files++
		}
		return nil
	})
	return h
}

func descriptors(folder string) int {
	entries, err := os.ReadDir(filepath.Join(folder, "fd"))
	if err != nil {
		return 0
	}
	return len(entries)
}

// residentSet is the memory of the kernel's own process.
func (c *client) residentSet(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(c.process.Process.Pid), "statm"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
