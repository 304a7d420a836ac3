package speed

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report is what was measured.
type Report struct {
	Machine    Machine           `json:"machine"`
	Versions   map[string]string `json:"versions"`
	Threads    int               `json:"threads"`
	Rounds     int               `json:"rounds"`
	Seconds    float64           `json:"seconds"` // of each measurement
	Rows       []Row             `json:"rows,omitempty"`
	Firsts     []First           `json:"firsts,omitempty"`
	Roofline   *Roofline         `json:"roofline,omitempty"`
	Missing    []string          `json:"missing,omitempty"`    // frameworks that did not start, and why
	Unfinished bool              `json:"unfinished,omitempty"` // it was interrupted
}

// Machine is what a report was made on.
type Machine struct {
	Processor string    `json:"processor"`
	Cores     int       `json:"cores"`
	System    string    `json:"system"`
	When      time.Time `json:"when"`
}

// Row is a workload beside its peers.
type Row struct {
	Workload   string     `json:"workload"`
	About      string     `json:"about"`
	Unit       string     `json:"unit"`
	Measured   []Measured `json:"measured"`
	Checks     []Check    `json:"checks,omitempty"`     // the losses of the same first step
	Draws      bool       `json:"draws,omitempty"`      // the step draws more than latents, so its losses agree only about
	Parameters int        `json:"parameters,omitempty"` // of both networks, the same in all frameworks
	Waiting    float64    `json:"waiting"`              // processors that those who waited took, at most, while another measured
}

// Measured is a way of using a framework.
type Measured struct {
	Framework string    `json:"framework"`
	Title     string    `json:"title"`
	Rates     []float64 `json:"rates,omitempty"` // a round each
	Many      bool      `json:"many,omitempty"`  // it makes many steps a call, and nobody sees what is between them
	Missing   string    `json:"missing,omitempty"`
}

// Check is the losses that a framework has in the first step from given weights, images and latents.
type Check struct {
	Framework string    `json:"framework"`
	Losses    []float64 `json:"losses,omitempty"` // critic, generator, penalties
	Missing   string    `json:"missing,omitempty"`
}

// First is what comes before the first step.
type First struct {
	Workload string `json:"workload"`
	About    string `json:"about"`
	Ways     []Way  `json:"ways"`
}

// Way is a way to a first step.
type Way struct {
	Title   string    `json:"title"`
	Seconds []float64 `json:"seconds,omitempty"` // a round each
	Peaks   []int64   `json:"peaks,omitempty"`   // bytes
	Missing string    `json:"missing,omitempty"`
}

// thisMachine describes where it runs.
func thisMachine() Machine {
	m := Machine{Processor: runtime.GOARCH, Cores: runtime.NumCPU(), System: runtime.GOOS, When: time.Now().UTC().Truncate(time.Minute)}
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return m
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
			m.Processor = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// Join joins reports of parts into one. They must be of one machine and of the same versions; of a workload that several have,
// the last one's row is taken.
func Join(parts ...*Report) (*Report, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("there is no report to join")
	}
	whole := *parts[0]
	whole.Versions = maps.Clone(whole.Versions)
	for _, p := range parts[1:] {
		if p.Machine.Processor != whole.Machine.Processor || p.Machine.Cores != whole.Machine.Cores || p.Threads != whole.Threads {
			return nil, fmt.Errorf("the reports are of different machines: %s with %d cores, and %s with %d", whole.Machine.Processor,
				whole.Machine.Cores, p.Machine.Processor, p.Machine.Cores)
		}
		for name, version := range p.Versions {
			if of, known := whole.Versions[name]; known && of != version {
				return nil, fmt.Errorf("the reports are of different versions of %s: %s and %s", name, of, version)
			}
			if whole.Versions == nil {
				whole.Versions = map[string]string{}
			}
			whole.Versions[name] = version
		}
		whole.Rows = joined(whole.Rows, p.Rows, func(r Row) string { return r.Workload })
		whole.Firsts = joined(whole.Firsts, p.Firsts, func(f First) string { return f.Workload })
		if p.Roofline != nil {
			whole.Roofline = p.Roofline
		}
		whole.Missing = append(slices.Clone(whole.Missing), p.Missing...)
		whole.Unfinished = whole.Unfinished || p.Unfinished
		whole.Rounds, whole.Seconds = min(whole.Rounds, p.Rounds), min(whole.Seconds, p.Seconds)
	}
	slices.Sort(whole.Missing)
	whole.Missing = slices.Compact(whole.Missing)
	return &whole, nil
}

// joined puts rows of the same key in the place of the older ones, and sorts all as All does.
func joined[T any](old, fresh []T, key func(T) string) []T {
	rows := slices.DeleteFunc(slices.Clone(old), func(o T) bool {
		return slices.ContainsFunc(fresh, func(f T) bool { return key(f) == key(o) })
	})
	rows = append(rows, fresh...)
	place := map[string]int{}
	for i, w := range All() {
		place[w.Name] = i
	}
	slices.SortStableFunc(rows, func(a, b T) int { return place[key(a)] - place[key(b)] })
	return rows
}

// median of values, NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// beside compares this project with the best of some peers: the best is the one with the highest median, and the ratio that of
// each round. best is nil where there is none.
func (r Row) beside(of func(Measured) bool) (best *Measured, ratios []float64) {
	var own *Measured
	for i := range r.Measured {
		m := &r.Measured[i]
		switch {
		case len(m.Rates) == 0:
		case m.Framework == Gantry:
			own = m
		case of(*m) && (best == nil || median(m.Rates) > median(best.Rates)):
			best = m
		}
	}
	if own == nil || best == nil {
		return nil, nil
	}
	for i := range min(len(own.Rates), len(best.Rates)) {
		ratios = append(ratios, own.Rates[i]/best.Rates[i])
	}
	return best, ratios
}

// agreement is the largest difference between this project's losses of the first step and those of a peer, relative to the loss.
func (r Row) agreement() (worst float64, found bool) {
	if len(r.Checks) == 0 {
		return 0, false
	}
	own := r.Checks[0].Losses
	for _, c := range r.Checks[1:] {
		for i := range min(len(own), len(c.Losses)) {
			found = true
			worst = max(worst, math.Abs(c.Losses[i]-own[i])/max(1e-6, math.Abs(own[i])))
		}
	}
	return worst, found
}

// String is the report in Markdown.
func (r *Report) String() string {
	var b strings.Builder
	var versions []string
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	fmt.Fprintf(&b, "%s, %d cores, %s, %s. %s. Medians of %d interleaved rounds of %.2g s.\n", r.Machine.Processor, r.Machine.Cores,
		r.Machine.System, r.Machine.When.Format("2006-01-02"), strings.Join(versions, ", "), r.Rounds, r.Seconds)
	for _, reason := range r.Missing {
		fmt.Fprintf(&b, "\nNot measured: %s.\n", reason)
	}
	if r.Unfinished {
		fmt.Fprintf(&b, "\nThe measurement was interrupted: what follows is what was done until then.\n")
	}
	if len(r.Rows) > 0 {
		r.rates(&b)
		r.checks(&b)
	}
	if r.Roofline != nil {
		r.Roofline.write(&b, r)
	}
	if len(r.Firsts) > 0 {
		r.latencies(&b)
	}
	return b.String()
}

// table writes rows as a table in Markdown.
func table(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(b, "|%s\n", strings.Repeat(" --- |", len(row)))
		}
	}
}

// rates is the table of speeds, a row for each workload and a column for each way that any of them has.
func (r *Report) rates(b *strings.Builder) {
	var ways []string
	for _, f := range frameworks() {
		for _, m := range f.modes {
			if slices.ContainsFunc(r.Rows, func(row Row) bool {
				return slices.ContainsFunc(row.Measured, func(of Measured) bool { return of.Title == m.title })
			}) {
				ways = append(ways, m.title)
			}
		}
	}
	head := append([]string{"workload"}, ways...)
	peers := len(ways) > 1
	if peers {
		head = append(head, "against the best", "spread")
	}
	rows, notes := [][]string{head}, []string{}
	for _, row := range r.Rows {
		cells := []string{row.Workload}
		for _, way := range ways {
			i := slices.IndexFunc(row.Measured, func(m Measured) bool { return m.Title == way })
			switch {
			case i < 0:
				cells = append(cells, "")
			case row.Measured[i].Missing != "":
				cells = append(cells, "–")
				notes = append(notes, fmt.Sprintf("%s, %s: %s", row.Workload, way, row.Measured[i].Missing))
			default:
				cells = append(cells, rate(median(row.Measured[i].Rates)))
			}
		}
		if peers {
			if best, ratios := row.beside(func(Measured) bool { return true }); best != nil {
				cells = append(cells, fmt.Sprintf("%.2f × %s", median(ratios), best.Title),
					fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios)))
				if best.Many {
					if single, of := row.beside(func(m Measured) bool { return !m.Many }); single != nil {
						notes = append(notes, fmt.Sprintf("%s: %.2f × %s, the best of those that make a step a call as Gantry does", row.Workload,
							median(of), single.Title))
					}
				}
			} else {
				cells = append(cells, "", "")
			}
		}
		rows = append(rows, cells)
	}
	b.WriteString("\n")
	table(b, rows)
	b.WriteString("\nSteps a second, a step being all updates of both networks with their optimizers; images a second where the name begins with sample. " +
		"The ratio is the median of the rounds' ratios to the peer with the highest median, the spread their least and largest.\n")
	for _, note := range notes {
		fmt.Fprintf(b, "\n%s.\n", note)
	}
	waiting := 0.0
	for _, row := range r.Rows {
		waiting = max(waiting, row.Waiting)
	}
	if peers {
		fmt.Fprintf(b, "\nWhile one measured, all that waited together took %.2f processors at most.\n", waiting)
	}
}

// rate writes a speed with three figures or more.
func rate(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// checks is the table of what shows that all made the same step.
func (r *Report) checks(b *strings.Builder) {
	rows := [][]string{{"workload", "parameters", "losses of the first step: critic, generator, penalties", "largest difference"}}
	for _, row := range r.Rows {
		worst, found := row.agreement()
		if !found {
			continue
		}
		var losses []string
		for _, c := range row.Checks {
			if c.Missing != "" {
				losses = append(losses, c.Framework+" cannot: "+c.Missing)
				continue
			}
			var values []string
			for _, v := range c.Losses {
				values = append(values, fmt.Sprintf("%.6g", v))
			}
			losses = append(losses, c.Framework+" "+strings.Join(values, " "))
		}
		verdict := fmt.Sprintf("%.0e", worst)
		if worst > 1e-3 && !row.Draws {
			verdict += ": **not the same step**"
		}
		rows = append(rows, []string{row.Workload, fmt.Sprint(row.Parameters), strings.Join(losses, "; "), verdict})
	}
	if len(rows) == 1 {
		return
	}
	b.WriteString("\n")
	table(b, rows)
	b.WriteString("\nEach from the same weights, images and latents, so layer by layer the same parameters. wgan-gp mixes at random, so there it is the order of magnitude.\n")
}

// latencies is the table of first steps.
func (r *Report) latencies(b *strings.Builder) {
	rows := [][]string{{"workload", "way", "first step, s", "spread", "peak memory, MB"}}
	for _, f := range r.Firsts {
		for _, w := range f.Ways {
			if w.Missing != "" {
				rows = append(rows, []string{f.Workload, w.Title, "–: " + w.Missing, "", ""})
				continue
			}
			if len(w.Seconds) == 0 {
				continue
			}
			memory := ""
			if len(w.Peaks) > 0 {
				var peaks []float64
				for _, p := range w.Peaks {
					peaks = append(peaks, float64(p)/1e6)
				}
				memory = fmt.Sprintf("%.0f", median(peaks))
			}
			rows = append(rows, []string{f.Workload, w.Title, fmt.Sprintf("%.2f", median(w.Seconds)),
				fmt.Sprintf("%.2f–%.2f", slices.Min(w.Seconds), slices.Max(w.Seconds)), memory})
		}
	}
	b.WriteString("\n")
	table(b, rows)
	fmt.Fprintf(b, "\nFrom the start of a process, imports included, to the end of its first step (for Gantry: of `gantry train`), and the most memory it "+
		"held in %d steps. Warm: what was compiled once is kept; cold: nothing is. resume-…: from the start of a process that goes on with a kept run (`gantry train --resume`) to its next step. cell-… and "+
		"first-picture: from sending a cell that opens a new run until it is told of the run's first step, and to its first picture.\n",
		memorySteps)
}
