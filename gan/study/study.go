// Package study reproduces measurements: each Study trains recipes with fixed seeds and returns one table. `gantry bench
// NAME` runs one, and docs/results.md keeps the tables with the machine they were made on.
//
// Studies bounded by steps repeat bit for bit on one machine, and where XLA finds the same vector instructions; those bounded
// by time do not, since how far a run comes depends on the machine.
package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/device"
	"gantry.local/gan/internal/table"
	"gantry.local/gan/method"
	"gantry.local/gan/train"
)

// Options of a study. The zero value is good, but for Log.
type Options struct {
	Backend string        // as for device.Open
	Seeds   int           // runs of each recipe, with seeds 0, 1, …; default is the study's
	Steps   int           // of each run; default is the study's, or as many as the time allows
	Limit   time.Duration // of each run; default is the study's where it is bounded by time and no steps are given
	Samples int           // drawn for measuring, or shown to each classifier; default is the study's
	Recipes []string      // only these rows; default all of the study's
	Peer    string        // a Python with PyTorch, for the rows of peers; default none, and no such rows
	Judge   string        // the file of a classifier, see metric.Classifier.Save, by which digits are judged; default is the built-in one
	Out     string        // a folder for samples (.png); default none
	Log     io.Writer     // a line per run; required
}

// Study is a measurement.
type Study struct {
	Name  string
	About string
	Rows  []string // names for Options.Recipes; nil: it makes its table as a whole
	Seeds bool     // whether it takes Options.Seeds
	Peers []string // names of the rows that Options.Peer adds
	Judge bool     // whether it takes Options.Judge
	run   func(ctx context.Context, o Options) (*Table, error)
}

// keptStudy stands in for a Study in a notebook whose variables live on from cell to cell.
type keptStudy struct{ Name string }

// Kept returns what a notebook keeps of the study between two cells: its name.
func (s Study) Kept() (any, error) { return keptStudy{s.Name}, nil }

// Restored returns the study again.
func (k keptStudy) Restored() (any, error) {
	if k.Name == "" { // of a variable that had none
		return Study{}, nil
	}
	return Named(k.Name)
}

// All lists the studies.
func All() []Study {
	toys, digits := names(toys()), names(digits())
	return []Study{
		{"ring", "modes of a ring of 8 Gaussians that each toy recipe captures", toys, true, nil, false, ring},
		{"grid", "modes of a grid of 25 Gaussians that each toy recipe captures", toys, true, nil, false, grid},
		{"packing", "what keeps a packed critic's points from the modes of the grid", names(packings()), true, nil, false, packing},
		{"stacked", "modes of Stacked MNIST out of 1000, over time", names(stacks()), true, nil, false, stacked},
		{"recipes", "samples of every recipe beside its data, by the metrics that fit", drawing(), true, nil, true, recipes},
		{"mnist", "quality of mlp and dcgan after four minutes, beside PyTorch's", digits, true, peersOf(digits), true, mnist},
		{"rescue", "what saves the article's pair from collapse, and why", names(rescues()), false, nil, true, rescue},
		{"labels", "what a conditional GAN's images add to few labels", labelCounts(), true, nil, false, labels},
		{"kinds", "what each further kind of GAN is for, measured", kindNames(), true, nil, false, kinds},
		{"compress", "size and quality of compressed generators", nil, false, nil, true, smaller},
		{"stream", "a folder that is read while it is trained on, beside the same pictures on the device", nil, false, nil, false, streams},
		{"restore", "denoising, inpainting and super-resolution of digits", damages(), false, nil, false, restore},
	}
}

// names are those of experiments.
func names(of []gan.Experiment) (names []string) {
	for _, exp := range of {
		names = append(names, exp.Name)
	}
	return names
}

// Check reports an option that this study does not know.
func (s Study) Check(o Options) error {
	rows := s.Rows
	if o.Peer != "" {
		rows = slices.Concat(rows, s.Peers)
	}
	for _, row := range o.Recipes {
		if len(rows) == 0 {
			return fmt.Errorf("study %s has no rows to choose from: leave out %q", s.Name, row)
		}
		if !slices.Contains(rows, row) {
			return fmt.Errorf("study %s has no row %q: use one of %s", s.Name, row, strings.Join(rows, ", "))
		}
	}
	switch {
	case min(o.Seeds, o.Steps, o.Samples) < 0 || o.Limit < 0:
		return errors.New("seeds, steps, samples and time cannot be negative")
	case o.Seeds > 0 && !s.Seeds:
		return fmt.Errorf("study %s makes one run of each row: leave out the seeds", s.Name)
	case o.Peer != "" && s.Peers == nil:
		return fmt.Errorf("study %s has no rows of peers: leave out the Python", s.Name)
	case o.Judge != "" && !s.Judge:
		return fmt.Errorf("study %s does not judge by features: leave out the classifier", s.Name)
	case o.Peer != "" && o.Steps > 0 && o.Limit == 0:
		return errors.New("peers train by the clock: give a time, or no steps")
	}
	if o.Peer != "" {
		if _, err := exec.LookPath(o.Peer); err != nil {
			return fmt.Errorf("no Python %s: name one that has PyTorch", o.Peer)
		}
	}
	if info, err := os.Stat(o.Out); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder for pictures: name another", o.Out)
	}
	_, err := device.Resolve(o.Backend)
	return err
}

// Run makes the study's table. It fails as Check does.
func (s Study) Run(ctx context.Context, o Options) (*Table, error) {
	if err := s.Check(o); err != nil {
		return nil, err
	}
	return s.run(ctx, o)
}

// Named returns the study called name, or an error that lists the names there are.
func Named(name string) (Study, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Study{}, fmt.Errorf("unknown study %q: use one of %s", name, strings.Join(names, ", "))
}

// Table is what a study finds.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]string
	Notes   []string // below the table: what the numbers are
}

// String writes the table in Markdown.
func (t *Table) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.Title)
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.Columns)
	line(strings.Split(strings.Repeat("---,", len(t.Columns)-1)+"---", ","))
	for _, row := range t.Rows {
		line(row)
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	return b.String()
}

// HTML is the table for a notebook.
func (t *Table) HTML() string {
	return table.Table{Title: t.Title, Heads: t.Columns, Rows: t.Rows, Words: len(t.Columns), Remark: strings.Join(t.Notes, " ")}.HTML()
}

// run trains a game until steps or limit (each 0 for none), whichever comes first; the limit counts from the start
// of the call, compilation included. each is called after every step and may be nil.
func run(ctx context.Context, backend compute.Backend, of method.Description, steps int, limit time.Duration,
	each func(*train.Trainer, train.Progress) error) (*train.Trainer, error) {
	if limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	if steps == 0 {
		steps = math.MaxInt32
	}
	if exp, is := of.(gan.Experiment); is {
		of = exp.WithDefaults()
	}
	trainer, err := train.New(backend, of)
	if err != nil {
		return nil, err
	}
	for p, err := range trainer.Train(ctx, steps) {
		if errors.Is(err, context.DeadlineExceeded) {
			return trainer, nil
		}
		if err != nil {
			return nil, err
		}
		if each != nil {
			if err := each(trainer, p); err != nil {
				return nil, err
			}
		}
	}
	return trainer, nil
}

// withBackend opens the backend for one run and closes it behind it, so that no run inherits memory or compiled graphs.
func (o Options) withBackend(do func(compute.Backend) error) error {
	backend, err := device.Open(o.Backend)
	if err != nil {
		return err
	}
	defer backend.Finalize()
	return do(backend)
}

// bounded gives a study that goes by the clock its time, unless the steps of its runs are given.
func (o *Options) bounded(standard time.Duration) {
	if o.Steps == 0 {
		o.Limit = orElse(o.Limit, standard)
	}
}

// budget says what bounds each run.
func (o Options) budget() string {
	switch {
	case o.Steps == 0:
		return fmt.Sprintf("%s of wall clock", o.Limit)
	case o.Limit == 0:
		return fmt.Sprintf("%d steps", o.Steps)
	}
	return fmt.Sprintf("%d steps or %s of wall clock", o.Steps, o.Limit)
}

// wants tells whether a row is asked for.
func (o Options) wants(recipe string) bool {
	if len(o.Recipes) == 0 {
		return true
	}
	return slices.Contains(o.Recipes, recipe)
}

// orElse is value, or standard where value is zero or empty.
func orElse[T int | string | time.Duration](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// spread writes the mean and, of more values than one, the standard deviation.
func spread(values []float64, format string) string {
	mean, square := mean(values), 0.0
	for _, v := range values {
		square += (v - mean) * (v - mean)
	}
	text := fmt.Sprintf(format, mean)
	if len(values) > 1 {
		text += fmt.Sprintf(" ± "+strings.ReplaceAll(format, "+", ""), math.Sqrt(square/float64(len(values)-1)))
	}
	return text
}

func mean(values []float64) (mean float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	return mean
}
