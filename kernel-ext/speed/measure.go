package speed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gantry.local/gan/device"
)

// Options say what to measure, and how long.
type Options struct {
	Root      string        // the checkout, for the cell; "": there is none, and no cell is measured
	Workloads []string      // default: all
	Peers     []string      // default: all there are
	Python    string        // that has the peers; "": only this project is measured
	Rounds    int           // default 5
	Time      time.Duration // of each measurement; default 500 ms
	Threads   int           // of PyTorch and Keras; XLA takes a thread for each processor it may use; default as many
	Backend   string        // of this project, as for device.Open
	Roofline  bool          // compare with what the processor could do
	Version   string        // of this project, for the report
	Log       io.Writer     // a line for each thing that is done; required

	work string // a folder for the data, the programs and the checks
}

func (o Options) withDefaults() Options {
	o.Rounds, o.Threads = cmp.Or(o.Rounds, 5), cmp.Or(o.Threads, runtime.NumCPU())
	if o.Time == 0 {
		o.Time = 500 * time.Millisecond
	}
	if len(o.Peers) == 0 {
		o.Peers = Peers()
	}
	if o.Python == "" {
		o.Peers = nil
	}
	return o
}

// Check reports an option that cannot be.
func (o Options) Check() error {
	for _, name := range o.Workloads {
		if _, err := Named(name); err != nil {
			return err
		}
	}
	for _, name := range o.Peers {
		if !slices.Contains(Peers(), name) {
			return fmt.Errorf("unknown framework %q: use one of %s", name, strings.Join(Peers(), ", "))
		}
	}
	if o.Python == "" && len(o.Peers) > 0 {
		return errors.New("other frameworks need a Python that has them: name it with --peer, or run `make bench-peers`")
	}
	if o.Python != "" {
		if _, err := exec.LookPath(o.Python); err != nil {
			return fmt.Errorf("no Python %s: run `make bench-peers`, which makes one with all frameworks", o.Python)
		}
	}
	_, err := device.Resolve(o.Backend)
	return err
}

// Run measures. When ctx ends, it returns what was measured until then, and says so in the report; so it does beside an error.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if o.Python != "" { // its process works in another folder
		if o.Python, err = exec.LookPath(o.Python); err == nil {
			o.Python, err = filepath.Abs(o.Python)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.work, err = os.MkdirTemp("", "gantry-speed-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(o.work)
	if err := writeScripts(o.work); err != nil {
		return nil, err
	}
	r := &Report{Machine: thisMachine(), Threads: o.Threads, Rounds: o.Rounds, Seconds: o.Time.Seconds(), Versions: map[string]string{"Gantry": o.Version}}
	m := &measuring{Options: o, report: r, files: map[string]dataFile{}}
	err = m.all(ctx)
	m.stop()
	r.Unfinished = err != nil
	if ctx.Err() != nil && len(r.Rows)+len(r.Firsts) > 0 {
		err = nil
	}
	return r, err
}

// measuring is a measurement on its way.
type measuring struct {
	Options
	report    *Report
	processes []*process
	files     map[string]dataFile // data sets that were written for peers, by name
}

func (m *measuring) log(format string, values ...any) { fmt.Fprintf(m.Log, format+"\n", values...) }

func (m *measuring) stop() {
	for _, p := range m.processes {
		p.stop()
	}
	m.processes = nil
}

func (m *measuring) all(ctx context.Context) error {
	var chosen []Workload
	for _, w := range All() {
		if len(m.Workloads) == 0 || slices.Contains(m.Workloads, w.Name) {
			chosen = append(chosen, w)
		}
	}
	for _, w := range chosen {
		if w.first != nil {
			continue
		}
		if err := m.open(ctx); err != nil {
			return err
		}
		if err := m.measure(ctx, w); err != nil {
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
	}
	if m.Roofline {
		m.log("roofline")
		m.stop()
		if err := m.roofline(ctx); err != nil {
			return fmt.Errorf("roofline: %w", err)
		}
	}
	m.stop()
	for _, w := range chosen {
		if w.first == nil {
			continue
		}
		if err := w.first(m, ctx, w); err != nil {
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
	}
	return nil
}

// open starts the frameworks, unless they run already. One that does not start is missing from the tables, which say why.
func (m *measuring) open(ctx context.Context) error {
	if len(m.processes) > 0 {
		return nil
	}
	for _, f := range frameworks() {
		if f.name != Gantry && !slices.Contains(m.Peers, f.name) {
			continue
		}
		p, err := m.start(f, true)
		if err != nil {
			return err
		}
		a, err := p.ask(ctx, question{Do: "hello"})
		if err != nil {
			p.stop()
			if f.name == Gantry || ctx.Err() != nil {
				return err
			}
			m.log("%s: %v", f.title, err)
			m.report.Missing = append(m.report.Missing, fmt.Sprintf("%s: %v", f.title, err))
			continue
		}
		maps.Copy(m.report.Versions, a.Versions)
		m.processes = append(m.processes, p)
	}
	return nil
}

// told is the workload as peers are told it; its data is written to a file the first time.
func (m *measuring) told(w Workload) (work, error) {
	images, err := w.exp().Data.Load()
	if err != nil {
		return work{}, err
	}
	name := w.exp().Data.Name
	file, written := m.files[name]
	if !written {
		file.Path = filepath.Join(m.work, fmt.Sprintf("data-%d", len(m.files)))
		content := any(images.Pixels)
		if images.Values != nil {
			content = images.Values
		}
		if err := writeNumbers(file.Path, content); err != nil {
			return work{}, err
		}
	}
	told, err := w.forPeers(images, file.Path)
	m.files[name] = told.Data
	return told, err
}

// contender is a way of using a framework, beside the others.
type contender struct {
	*process
	mode
	result *Measured
}

// measure makes the row of a workload.
func (m *measuring) measure(ctx context.Context, w Workload) error {
	told, err := m.told(w)
	if err != nil {
		return err
	}
	row := Row{Workload: w.Name, About: w.About, Unit: "steps/s"}
	row.Draws = slices.ContainsFunc(told.Penalties, func(p penalty) bool { return p.Name == "wgan-gp" })
	if w.draw > 0 {
		row.Unit = "images/s"
	} else if row.Checks, row.Parameters, err = m.check(ctx, w, told); err != nil {
		return err
	}
	var taking []contender
	results := make([]Measured, 0, 16) // contenders point into it
	for _, p := range slices.Clone(m.processes) {
		for _, mode := range p.modes {
			if mode.suits != nil && !mode.suits(w) {
				continue
			}
			begin := time.Now()
			_, err := p.ask(ctx, question{Do: "prepare", Mode: mode.name, Work: &told})
			results = append(results, Measured{Framework: p.name, Title: mode.title, Many: mode.many})
			result := &results[len(results)-1]
			switch {
			case err != nil && m.excused(ctx, p, err):
				result.Missing = firstLine(err.Error())
				m.log("%s: %s: %v", w.Name, mode.title, err)
			case err != nil:
				return err
			default:
				m.log("%s: %s is ready after %.1f s", w.Name, mode.title, time.Since(begin).Seconds())
				taking = append(taking, contender{p, mode, result})
			}
		}
	}
	defer func() { // what was measured counts, also where an interrupt cuts it short
		if row.Measured = results; slices.ContainsFunc(results, func(m Measured) bool { return len(m.Rates) > 0 }) {
			m.report.Rows = append(m.report.Rows, row)
		}
	}()
	for round := range m.Rounds {
		for _, c := range taking {
			others := m.waiting(c.process)
			begin := time.Now()
			if c.result.Missing != "" {
				continue
			}
			a, err := c.ask(ctx, question{Do: "measure", Mode: c.mode.name, Work: &told, Seconds: m.Time.Seconds()})
			if err != nil && m.excused(ctx, c.process, err) {
				c.result.Missing = firstLine(err.Error())
				m.log("%s: %s: %v", w.Name, c.mode.title, err)
				continue
			}
			if err != nil {
				return err
			}
			idle := (m.waiting(c.process) - others).Seconds() / time.Since(begin).Seconds()
			row.Waiting = max(row.Waiting, idle)
			c.result.Rates = append(c.result.Rates, float64(a.Count)/a.Seconds)
		}
		m.log("%s: round %d of %d", w.Name, round+1, m.Rounds)
	}
	for _, c := range taking {
		if c.result.Missing != "" {
			continue
		}
		if _, err := c.ask(ctx, question{Do: "forget", Mode: c.mode.name, Work: &told}); err != nil {
			return err
		}
	}
	return nil
}

// excused tells whether the measurement can go on without an answer: a peer may refuse a question, or end, and is then missing
// from this workload, or from all that follow.
func (m *measuring) excused(ctx context.Context, p *process, err error) bool {
	if p.name == Gantry || ctx.Err() != nil {
		return false
	}
	var no refusal
	if !errors.As(err, &no) && slices.Contains(m.processes, p) {
		m.processes = slices.DeleteFunc(slices.Clone(m.processes), func(other *process) bool { return other == p })
		m.report.Missing = append(m.report.Missing, firstLine(err.Error()))
		p.stop()
	}
	return true
}

// waiting is the processor time that all others than p have used so far.
func (m *measuring) waiting(p *process) (used time.Duration) {
	for _, other := range m.processes {
		if other != p {
			used += other.processorTime()
		}
	}
	return used
}

// check lets every framework make the same first step, and returns the losses of each and how many parameters there are.
func (m *measuring) check(ctx context.Context, w Workload, told work) (checks []Check, parameters int, err error) {
	if len(m.processes) == 1 {
		return nil, 0, nil
	}
	folder, err := os.MkdirTemp(m.work, "check-")
	if err != nil {
		return nil, 0, err
	}
	told.Data.Path, told.Data.N = filepath.Join(folder, batchFile), told.Batch
	for _, p := range slices.Clone(m.processes) {
		a, err := p.ask(ctx, question{Do: "check", Work: &told, Folder: folder})
		if err != nil && m.excused(ctx, p, err) {
			checks = append(checks, Check{Framework: p.title, Missing: firstLine(err.Error())})
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		parameters = max(parameters, a.Parameters)
		checks = append(checks, Check{Framework: p.title, Losses: a.Losses})
	}
	return checks, parameters, nil
}
