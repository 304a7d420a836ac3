package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// warmCell imports GoMLX and runs a graph; unlike gomlxCell it does not import the project, which stock GoNB cannot.
const warmCell = `import (
	"fmt"
	"os"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
	"github.com/gomlx/gomlx/core/graph"
)
func main() {
	b := compute.MustNew()
	out := graph.MustExecOnce(b, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) }, float32(%d))
	fmt.Println(out.Value())
}`

// BenchmarkWarmCell times the same cells on stock GoNB, as its user has it, and on this kernel, by turns, so that a
// busy machine slows both alike. Stock GoNB fetches modules, so this needs a module proxy or a filled module cache.
//
//	go test ./kernel-ext/kernel -run '^$' -bench WarmCell -benchtime 7x
func BenchmarkWarmCell(b *testing.B) {
	env := []string{"GOMLX_BACKEND=" + backend(b)}
	stock, gantry := startStock(b, env...), startKernel(b, env...)
	const plain = "import \"fmt\"\nfunc main() { fmt.Println(%d) }"
	b.Run("hello", func(b *testing.B) { alternate(b, stock, gantry, plain) })

	// The versions that work together: a user of stock GoNB must know them too.
	for _, module := range []string{"github.com/gomlx/gomlx@v0.28.2", "github.com/gomlx/compute@v0.1.2"} {
		if r := stock.run("!*go get " + module); r.status != "ok" {
			b.Fatalf("stock: %+v", r)
		}
	}
	b.Run("gomlx", func(b *testing.B) { alternate(b, stock, gantry, warmCell) })
}

// BenchmarkRestart times a kernel from the start of its process to the reply to its first cell. The kernel before it has learned
// how such a cell is built.
//
//	go test ./kernel-ext/kernel -run '^$' -bench Restart -benchtime 10x
func BenchmarkRestart(b *testing.B) {
	var took []time.Duration
	restart := func() {
		c := startKernel(b)
		id := c.send(c.shell, "kernel_info_request", map[string]any{})
		c.next(c.shell, cellPatience, "kernel_info_reply", answers(id, "kernel_info_reply"))
		id = c.execute("fmt.Println(1)")
		c.next(c.shell, cellPatience, "execute_reply", answers(id, "execute_reply"))
		took = append(took, time.Since(c.started))
		c.stop()
	}
	restart()
	took = nil
	for b.Loop() {
		restart()
	}
	b.ReportMetric(median(took).Seconds(), "s")
	b.ReportMetric(0, "ns/op")
}

func alternate(b *testing.B, stock, gantry *client, cell string) {
	timed := func(c *client, n int) time.Duration {
		c.t = b
		started := time.Now()
		c.mustRun(fmt.Sprintf(cell, n), "") // another program each time: nothing but the packages is cached
		return time.Since(started)
	}
	timed(stock, 0) // warm both
	timed(gantry, 0)
	var stockTimes, gantryTimes []time.Duration
	for n := 1; b.Loop(); n++ {
		stockTimes = append(stockTimes, timed(stock, n))
		gantryTimes = append(gantryTimes, timed(gantry, n))
	}
	s, g := median(stockTimes), median(gantryTimes)
	b.ReportMetric(s.Seconds(), "stock-s")
	b.ReportMetric(g.Seconds(), "gantry-s")
	b.ReportMetric(g.Seconds()/s.Seconds(), "gantry/stock")
	b.ReportMetric(0, "ns/op")
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// startStock starts GoNB as its own kernelspec does.
func startStock(t testing.TB, env ...string) *client {
	t.Helper()
	gonb := filepath.Join(filepath.Dir(enginePath(t)), "gonb")
	command := exec.Command(gonb, "--kernel", "{connection_file}", "--logtostderr")
	return start(t, "tcp", command, func(string) []string {
		path := filepath.Dir(gonb) + string(os.PathListSeparator) + os.Getenv("PATH")
		return append([]string{"PATH=" + path, "GOFLAGS=", "GOEXPERIMENT="}, env...)
	})
}
