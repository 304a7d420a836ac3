package kernel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cellbuild "gantry.local/kernel-ext/cell"
)

// TestFortyKernelsKilledLeaveNothing kills kernels at random moments: while they start, between cells, in a build, and in a
// cell's program. Soon after there is no process of any, no socket, and no file but what the next kernel removes: the folder
// of one that was killed before its guard was there.
func TestFortyKernelsKilledLeaveNothing(t *testing.T) {
	for name, bring := range map[string]struct {
		to    func(c *client)
		after time.Duration // the kill comes at a random moment up to then
	}{
		"start": {func(*client) {}, 60 * time.Millisecond},
		"idle":  {func(c *client) { c.connect(); c.mustRun(hello, "hello") }, 200 * time.Millisecond},
		"build": {func(c *client) {
			c.connect()
			c.execute("import \"net/http\"\n" + slowSource() + "\n%%\nfmt.Println(\"never\", http.StatusOK)")
		}, 1500 * time.Millisecond},
		"program": {func(c *client) {
			c.connect()
			id := c.execute("%%\nfor i := range 3 {\n\texec.Command(\"sleep\", fmt.Sprint(3000+i)).Start()\n}\n" +
				"fmt.Println(\"begun\")\nfor {\n\tfmt.Println(strings.Repeat(\"x\", 100))\n}")
			c.next(c.iopub, cellPatience, "output", answers(id, "stream"))
		}, 300 * time.Millisecond},
	} {
		for n := range 10 {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				c := launch(t, "ipc", exec.Command(os.Args[0]), kernelEnvironment(t, "GANTRY_TEST_AHEAD=1"))
				bring.to(c)
				moment := rand.N(bring.after)
				time.Sleep(moment) // the moment is what is tried
				c.process.Process.Kill()
				<-c.exited
				took := c.awaitNothing(moment)
				t.Logf("killed after another %s; nothing is left after %s", moment, took)
			})
		}
	}
}

// TestKilledWhileABaseIsMade kills a kernel while what later cells are linked to is made for it, which goes on behind the cell.
func TestKilledWhileABaseIsMade(t *testing.T) {
	c := startKernelOver(t, "ipc", cellbuild.EnvCache+"="+t.TempDir())
	making := func() bool {
		return slices.ContainsFunc(usersNamed(t, c.temp, cellbuild.Program), func(user string) bool {
			arguments, _ := os.ReadFile(filepath.Join(user, "cmdline")) // it may be gone
			return bytes.Contains(arguments, []byte("\x00base\x00"))
		})
	}
	for n, deadline := 0, time.Now().Add(cellPatience); !making(); n++ {
		if time.Now().After(deadline) {
			t.Fatal("nothing is made for later cells")
		}
		c.mustRun(fmt.Sprintf("import _ \"net/http\"\n%%%%\nfmt.Println(\"cell\", %d)", n), "cell")
	}
	c.process.Process.Kill()
	<-c.exited
	t.Logf("nothing is left after %s", c.awaitNothing(0))
}

// awaitNothing waits until nothing of a killed kernel is left, and returns how long that took.
func (c *client) awaitNothing(moment time.Duration) time.Duration {
	c.t.Helper()
	killed := time.Now()
	swept := false
	for left := c.left(); len(left) > 0; left = c.left() {
		took := time.Since(killed)
		if !swept && took > 2*time.Second && len(left) == 1 && strings.HasPrefix(left[0], filepath.Join(c.temp, "gantry-kernel-")) {
			next := startKernel(c.t, "TMPDIR="+c.temp)
			next.stop()
			swept = true
		}
		if took > 6*second {
			c.t.Fatalf("killed after another %s, leaves %q", moment, left)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(killed).Round(time.Millisecond)
}

// left is what there is of a kernel: processes, its guard among them, sockets, files.
func (c *client) left() []string {
	c.t.Helper()
	var left []string
	for _, user := range usersOf(c.t, c.temp) {
		left = append(left, user+" "+nameOf(user))
	}
	for _, folder := range []string{c.temp, filepath.Dir(c.file), filepath.Dir(c.connection.IP)} {
		filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			if err == nil && path != c.temp && path != filepath.Dir(c.file) && path != c.file {
				left = append(left, path)
			}
			return nil
		})
	}
	return left
}
