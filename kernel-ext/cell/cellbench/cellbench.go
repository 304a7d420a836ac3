// Package cellbench measures where the time of a notebook's cell goes, in stock GoNB and in this project's kernel.
package cellbench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/cell"
	"gantry.local/kernel-ext/internal/frontend"
	"gantry.local/kernel-ext/lab"
)

// Options say what to measure.
type Options struct {
	Root   string // the checkout, set up
	Cells  int    // cells of each kind, in each kernel; 0: 7
	Stock  bool   // measure stock GoNB too; it fetches GoMLX, so it needs a module proxy or a filled module cache
	Report func(line string)
}

// phases are the parts of a cell's time, in order. Get is the look-up of modules, which only stock GoNB does; list all
// that go build does besides compiling and linking; start is from the end of the build to the first line of main.
var phases = [...]string{"parse", "goimports", "get", "list", "compile", "link", "start", "run", "end"}

// Row is one kind of cell in one kernel: medians in seconds. The phases need not add up to the total.
type Row struct {
	Cell   string             `json:"cell"`
	Kernel string             `json:"kernel"`
	Cells  int                `json:"cells"`
	Phases map[string]float64 `json:"phases"`
	First  float64            `json:"first_output"` // from the request
	Total  float64            `json:"total"`        // from the request to the idle state
}

// Table is a measurement.
type Table []Row

// String is the table in Markdown.
func (t Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| cell | kernel | %s | first output | total, s |\n|---|---|%s---|---|\n", strings.Join(phases[:], " | "),
		strings.Repeat("---|", len(phases)))
	for _, r := range t {
		fmt.Fprintf(&b, "| %s | %s |", r.Cell, r.Kernel)
		for _, p := range phases {
			if s, ok := r.Phases[p]; ok {
				fmt.Fprintf(&b, " %.3f |", s)
			} else {
				b.WriteString(" |")
			}
		}
		fmt.Fprintf(&b, " %.3f | %.3f |\n", r.First, r.Total)
	}
	return b.String()
}

// kind is a kind of cell. Its source has a place for a number, so that no two cells are the same program; main prints
// the time, in nanoseconds, when it begins and when it ends.
type kind struct {
	name, source  string
	before, after string // cells around the measurement, if any
	stock         bool   // stock GoNB can run it
}

var kinds = [...]kind{
	{name: "trivial", stock: true, source: `import (
	"fmt"
	"time"
)
func main() {
	fmt.Println("began", time.Now().UnixNano(), %d)
	fmt.Println("ended", time.Now().UnixNano())
}`},
	{name: "GoMLX on XLA", stock: true, source: `import (
	"fmt"
	"time"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/gomlx/backends/default"
	"github.com/gomlx/gomlx/core/graph"
)
func main() {
	fmt.Println("began", time.Now().UnixNano())
	b := compute.MustNew()
	out := graph.MustExecOnce(b, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 2) }, float32(%d))
	fmt.Println(out.Value())
	fmt.Println("ended", time.Now().UnixNano())
}`},
	{name: "trivial, 20 values kept", before: twenty, source: marked("", ""), after: "%reset"},
	{name: "shows one of 20 values", before: twenty, source: marked("", "v07"), after: "%reset"},
	{name: "GoMLX graph, 20 values and the backend kept", before: twenty + `
import (
	"gantry.local/gan/device"
	. "github.com/gomlx/gomlx/core/graph"
)
backend := must(device.Open(""))`, source: marked("fmt.Println(must(CallOnce(backend, func(x *Node) *Node { return MulScalar(x, 2) }, float32(3))))", ""), after: "%reset"},
	{name: "beside 100 MB", before: large, source: marked("", "small"), after: "%reset"},
	{name: "reads 100 MB", before: large, source: marked("sum := 0.0\nfor _, v := range big { sum += v }", "sum"), after: "%reset"},
	{name: "changes 100 MB", before: large, source: marked("for i := range big { big[i]++ }", "big[5]"), after: "%reset"},
	{name: "attach to a run", source: attachHead + `func main() {
	began := time.Now().UnixNano()
	run, err := lab.Attach("bench")
	if err != nil {
		panic(err)
	}
	status, err := run.Status()
	fmt.Println("began", began, %d, status.Step, err)
	fmt.Println("ended", time.Now().UnixNano())
}`, before: `import (
	"time"

	"gantry.local/gan/recipe"
	"gantry.local/kernel-ext/lab"
)
func main() {
	exp := recipe.Toy()
	exp.Name = "bench"
	if _, err := lab.OpenWith(exp, lab.RunOptions{Idle: time.Minute}); err != nil {
		panic(err)
	}
}`, after: attachHead + `func main() {
	run, err := lab.Attach("bench")
	if err != nil {
		panic(err)
	}
	fmt.Println(time.Now(), run.Stop())
}`},
}

// twenty makes twenty variables of the usual kinds.
const twenty = `v00, v01, v02, v03, v04 := 0, 1.5, "text", true, []int{1, 2, 3}
v05, v06, v07, v08, v09 := map[string]int{"a": 1}, []string{"a", "b"}, [3]float64{1, 2, 3}, 'x', []byte("bytes")
v10, v11, v12, v13, v14 := &v00, struct{ A, B int }{1, 2}, time.Second, errors.New("an error"), any(7)
v15, v16, v17, v18, v19 := [][]float64{{1}, {2}}, func(x int) int { return x + v00 }, strings.NewReader("text"), big.NewInt(5), time.Now()`

// large makes a slice of 100 MB, and a variable beside it.
const large = `big, small := make([]float64, 100_000_000/8), 5`

// marked is a cell that prints when it begins and ends around statements, and shows a value.
func marked(statements, shown string) string {
	return "fmt.Println(\"began\", time.Now().UnixNano(), %d)\n" + statements + "\nfmt.Println(\"ended\", time.Now().UnixNano())\n" + shown
}

const attachHead = `import (
	"fmt"
	"time"

	"gantry.local/kernel-ext/lab"
)
`

// stockModules are what a user of stock GoNB must know to get GoMLX in versions that work together.
var stockModules = [...]string{"github.com/gomlx/gomlx", "github.com/gomlx/compute"}

// Run measures. The kernels run by turns, so that a busy machine slows both alike.
func Run(ctx context.Context, o Options) (Table, error) {
	o.Cells = cmp.Or(o.Cells, 7)
	if o.Report == nil {
		o.Report = func(string) {}
	}
	work, err := os.MkdirTemp("", "gb-") // short: it holds Unix sockets
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	ours, err := start(ctx, gantry, filepath.Join(work, "g"), o.Root)
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	kernels := []*process{ours}
	if o.Stock {
		stock, err := start(ctx, "stock GoNB", filepath.Join(work, "s"), o.Root)
		if err != nil {
			return nil, err
		}
		defer stock.stop()
		if err := stock.fetch(ctx, o.Root); err != nil {
			return nil, err
		}
		kernels = append(kernels, stock)
	}
	var table Table
	for _, k := range kinds {
		o.Report(k.name)
		of := kernels
		if !k.stock {
			of = kernels[:1]
		}
		rows, err := o.measure(ctx, k, of)
		if err != nil {
			return nil, fmt.Errorf("cell %q: %w", k.name, err)
		}
		table = append(table, rows...)
	}
	return table, nil
}

// measure runs the cells of one kind.
func (o Options) measure(ctx context.Context, k kind, kernels []*process) (_ Table, err error) {
	for _, p := range kernels {
		if k.before != "" {
			if _, err := p.client.Run(ctx, k.before); err != nil {
				return nil, err
			}
		}
		if k.after != "" {
			defer func() {
				_, failed := p.client.Run(context.WithoutCancel(ctx), k.after)
				err = errors.Join(err, failed)
			}()
		}
	}
	measured := make([][]sample, len(kernels))
	for n := range o.Cells + 2 { // two to get warm: a package is compiled in the one, its use learned in the other
		for i, p := range kernels {
			s, err := p.measure(ctx, fmt.Sprintf(k.source, n))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			if n >= 2 {
				measured[i] = append(measured[i], s)
			}
		}
	}
	var rows Table
	for i, p := range kernels {
		rows = append(rows, summary(k.name, p.name, measured[i]))
	}
	return rows, nil
}

// sample is one cell.
type sample struct {
	phases       map[string]time.Duration
	first, total time.Duration
}

func summary(kind, kernel string, samples []sample) Row {
	median := func(of func(s sample) time.Duration) float64 {
		var all []time.Duration
		for _, s := range samples {
			all = append(all, of(s))
		}
		slices.Sort(all)
		return (all[(len(all)-1)/2] + all[len(all)/2]).Seconds() / 2
	}
	r := Row{
		Cell: kind, Kernel: kernel, Cells: len(samples), Phases: map[string]float64{},
		First: median(func(s sample) time.Duration { return s.first }), Total: median(func(s sample) time.Duration { return s.total }),
	}
	for _, p := range phases {
		if slices.ContainsFunc(samples, func(s sample) bool { _, ok := s.phases[p]; return ok }) {
			r.Phases[p] = median(func(s sample) time.Duration { return s.phases[p] })
		}
	}
	return r
}

// split divides a cell's time by the trace of its build and the times that it printed.
func split(c frontend.Execution, spans []cell.Span) (sample, error) {
	began, err := printed(c.Output, "began")
	if err != nil {
		return sample{}, err
	}
	ended, err := printed(c.Output, "ended")
	if err != nil {
		return sample{}, err
	}
	if len(spans) == 0 {
		return sample{}, errors.New("no step of the build was seen; is " + cell.Program + " beside gonb? run make setup")
	}
	s := sample{phases: map[string]time.Duration{}, first: c.First.Sub(c.Sent), total: c.Idle.Sub(c.Sent)}
	first, last := spans[0].Start, spans[0].End
	for _, span := range spans {
		s.phases[span.Phase] += span.End.Sub(span.Start)
		if span.Start.Before(first) {
			first = span.Start
		}
		if span.End.After(last) {
			last = span.End
		}
	}
	s.phases["parse"] = first.Sub(c.Sent)
	s.phases["start"] = began.Sub(last)
	s.phases["run"] = ended.Sub(began)
	s.phases["end"] = c.Idle.Sub(ended)
	return s, nil
}

// printed finds the time behind a word in what a cell printed.
func printed(output, word string) (time.Time, error) {
	_, rest, ok := strings.Cut(output, word+" ")
	if fields := strings.Fields(rest); ok && len(fields) > 0 {
		if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
			return time.Unix(0, n), nil
		}
	}
	return time.Time{}, fmt.Errorf("the cell printed %q, without the time when it %s", output, word)
}

// process is a running kernel.
type process struct {
	name   string
	cmd    *exec.Cmd
	client *frontend.Client
	trace  string
	ended  chan struct{}
}

// gantry is the name of this project's kernel.
const gantry = "gantry"

// start starts a kernel in a folder of its own: stock GoNB as its kernelspec does, with links in place of its tools that
// take the time and no more, or this project's kernel; with more variables in its environment.
func start(ctx context.Context, name, dir, root string, more ...string) (_ *process, err error) {
	links := filepath.Join(dir, "bin")
	if err := os.MkdirAll(links, 0o700); err != nil {
		return nil, err
	}
	file, err := connectionFile(dir)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	bin := filepath.Dir(self)
	path := bin + string(os.PathListSeparator) + os.Getenv("PATH")
	p := &process{name: name, trace: filepath.Join(dir, "trace"), ended: make(chan struct{})}
	env := append(os.Environ(), append(more, "TMPDIR="+dir, cell.EnvTrace+"="+p.trace)...)
	if plugin := device.CPUPlugin(root); plugin != "" && os.Getenv(device.EnvBackend) == "" {
		env = append(env, device.EnvBackend+"=xla:"+plugin)
	}
	if name == gantry {
		p.cmd = exec.Command(self, "kernel", "--connection-file", file)
		env = append(env, "PATH="+path, "GOEXPERIMENT=simd", lab.EnvRuns+"="+filepath.Join(dir, "runs"))
	} else {
		for _, tool := range []string{"go", "goimports"} {
			if err := os.Symlink(filepath.Join(bin, cell.Program), filepath.Join(links, tool)); err != nil {
				return nil, err
			}
		}
		p.cmd = exec.Command(filepath.Join(bin, "gonb"), "--kernel", file, "--logtostderr")
		env = append(env, "PATH="+links+string(os.PathListSeparator)+path, "GOFLAGS=", "GOEXPERIMENT=", cell.EnvCache+"=")
	}
	p.cmd.Env, p.cmd.Dir = env, dir
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w; run make setup", name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.ended:
			cancel()
		case <-stop:
		}
	}()
	if p.client, err = frontend.Connect(ctx, file); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	return p, nil
}

// connectionFile writes a connection file with free ports.
func connectionFile(dir string) (string, error) {
	info := map[string]any{
		"transport": "tcp", "ip": "127.0.0.1", "key": strconv.FormatInt(time.Now().UnixNano(), 36), "signature_scheme": "hmac-sha256",
	}
	for _, port := range []string{"shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		defer l.Close()
		info[port] = l.Addr().(*net.TCPAddr).Port
	}
	text, err := json.Marshal(info)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, fmt.Sprintf("kernel-%08x-0000-4000-8000-000000000000.json", os.Getpid()))
	return file, os.WriteFile(file, text, 0o600)
}

// fetch gets the modules that a cell of stock GoNB needs, in the versions of the project.
func (p *process) fetch(ctx context.Context, root string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-m"}, stockModules[:]...)...)
	cmd.Dir = root
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("cannot list the project's modules: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		module, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := p.client.Run(ctx, "!*go get "+module+"@"+version); err != nil {
			return fmt.Errorf("stock GoNB cannot fetch %s: %w; leave it out with --stock=false", module, err)
		}
	}
	return nil
}

// measure runs one cell.
func (p *process) measure(ctx context.Context, code string) (sample, error) {
	if err := os.Remove(p.trace); err != nil && !os.IsNotExist(err) {
		return sample{}, err
	}
	c, err := p.client.Run(ctx, code)
	if err != nil {
		return sample{}, err
	}
	spans, err := cell.ReadTrace(p.trace)
	if err != nil {
		return sample{}, err
	}
	return split(c, spans)
}

// stop ends the kernel.
func (p *process) stop() {
	if p.client != nil {
		p.client.Close()
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}
