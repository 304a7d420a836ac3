package study

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "embed"

	"github.com/gomlx/compute"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/export"
	"gantry.local/gan/metric"
	"gantry.local/gan/recipe"
	"gantry.local/gan/sample"
)

// quality is what the tables of digits say about 10 000 samples.
type quality struct {
	frechet, floor    float64
	precision, recall float64
	classes           int     // with at least 2 % of the samples
	rarest            float64 // share of the rarest class
}

// drawn is how many samples are drawn for a table of digits.
func (o Options) drawn() int { return orElse(o.Samples, 10_000) }

// judgeName is what judges digits.
func (o Options) judgeName() string { return orElse(o.Judge, metric.MNIST1) }

// judge measures samples of MNIST against real digits with a classifier.
type judge struct {
	classifier *metric.Classifier
	real       metric.Features
}

// newJudge makes a judge of n samples at a time.
func (o Options) newJudge(backend compute.Backend, n int) (*judge, error) {
	open := func() (*metric.Classifier, error) { return metric.Open(backend, metric.MNIST1) }
	if o.Judge != "" {
		open = func() (*metric.Classifier, error) { return metric.Load(backend, o.Judge) }
	}
	classifier, err := open()
	if err != nil {
		return nil, err
	}
	digits, err := data.Subset(data.MNIST(), 2*n, 7).Load()
	if err != nil {
		return nil, err
	}
	features, err := classifier.Features(*digits)
	return &judge{classifier, features}, err
}

func (j *judge) judge(samples sample.Images) (q quality, err error) {
	features, err := j.classifier.Features(samples)
	if err != nil {
		return q, err
	}
	report, err := metric.Compare(j.real, features, metric.Options{Features: j.classifier.Name()})
	if err != nil {
		return q, err
	}
	classes, _, err := j.classifier.Classes(samples)
	if err != nil {
		return q, err
	}
	counts, err := metric.Count(classes, j.classifier.NumClasses())
	if err != nil {
		return q, err
	}
	distance, _ := report.Number(metric.FrechetName)
	precision, _ := report.Number(metric.PrecisionName)
	recall, _ := report.Number(metric.RecallName)
	q = quality{frechet: distance.Value, floor: distance.Real, precision: precision.Value, recall: recall.Value, rarest: 1}
	for _, count := range counts {
		share := float64(count) / float64(samples.N)
		q.rarest = min(q.rarest, share)
		if share >= 0.02 {
			q.classes++
		}
	}
	return q, nil
}

// judged is the judgement of one set of samples.
func (o Options) judged(backend compute.Backend, samples sample.Images) (q quality, err error) {
	j, err := o.newJudge(backend, samples.N)
	if err != nil {
		return q, err
	}
	return j.judge(samples)
}

func (q quality) cells() []string {
	return []string{fmt.Sprintf("%.1f", q.frechet), fmt.Sprintf("%.2f", q.precision), fmt.Sprintf("%.2f", q.recall),
		fmt.Sprintf("%d", q.classes), fmt.Sprintf("%.1f %%", 100*q.rarest)}
}

func (o Options) digitsTable(title string) *Table {
	return &Table{Title: fmt.Sprintf("%s, %s each", title, o.budget()),
		Columns: []string{"recipe", "steps", "Fréchet", "precision", "recall", "classes", "rarest"},
		Notes: []string{fmt.Sprintf("On features of %s, of %d samples against as many digits. Classes with at least 2 %% of the samples, and "+
			"the share of the rarest. A limit of time includes process start or opening the device, and compilation; not the samples.", o.judgeName(), o.drawn())}}
}

// trainAndJudge is one row of a table of digits.
func (o Options) trainAndJudge(ctx context.Context, exp gan.Experiment) (q quality, steps int, err error) {
	err = o.withBackend(func(backend compute.Backend) error {
		trainer, err := run(ctx, backend, exp, o.Steps, o.Limit, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", exp.Name, err)
		}
		steps = trainer.Step()
		samples, err := trainer.Sample(o.drawn(), 1)
		if err != nil {
			return err
		}
		if err := o.keep(exp.Name, samples); err != nil {
			return err
		}
		q, err = o.judged(backend, samples)
		return err
	})
	fmt.Fprintf(o.Log, "%s: %d steps, %+v\n", exp.Name, steps, q)
	return q, steps, err
}

// keep writes the first hundred samples as a picture, where Out is set.
func (o Options) keep(name string, samples sample.Images) error {
	if o.Out == "" {
		return nil
	}
	if err := os.MkdirAll(o.Out, 0o700); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(o.Out, name+".png"))
	if err != nil {
		return err
	}
	return errors.Join(export.WritePNG(file, samples.Part(0, min(samples.N, 100)), 10), file.Close())
}

//go:embed testdata/peer_torch.py
var peerScript []byte

func digits() []gan.Experiment { return []gan.Experiment{recipe.MLP(), recipe.DCGAN()} }

// peersOf are the rows of PyTorch's counterparts.
func peersOf(recipes []string) (rows []string) {
	for _, name := range recipes {
		rows = append(rows, "pytorch "+name)
	}
	return rows
}

// mnist trains mlp and dcgan, and PyTorch's counterparts where a Python is given, for the same time.
func mnist(ctx context.Context, o Options) (*Table, error) {
	o.bounded(4 * time.Minute)
	o.Seeds = orElse(o.Seeds, 1)
	if o.Peer != "" {
		if said, err := exec.CommandContext(ctx, o.Peer, "-c", "import numpy, torch").CombinedOutput(); err != nil {
			lines := strings.Split(strings.TrimSpace(string(said)), "\n")
			return nil, fmt.Errorf("%s has no PyTorch: %s", o.Peer, lines[len(lines)-1])
		}
	}
	table := o.digitsTable("MNIST")
	if o.Seeds > 1 {
		table.Notes = append(table.Notes, fmt.Sprintf("Mean ± standard deviation over %d seeds.", o.Seeds))
	}
	for _, exp := range digits() {
		var ours, peers digitsRow
		for seed := range o.Seeds {
			exp.Seed = int64(seed)
			if o.wants(exp.Name) {
				q, steps, err := o.trainAndJudge(ctx, exp)
				if err != nil {
					return nil, err
				}
				ours.add(steps, q)
			}
			if o.Peer != "" && o.wants("pytorch "+exp.Name) {
				q, steps, err := o.judgePeer(ctx, exp)
				if err != nil {
					return nil, err
				}
				peers.add(steps, q)
			}
		}
		for _, row := range []struct {
			name string
			digitsRow
		}{{exp.Name, ours}, {"pytorch " + exp.Name, peers}} {
			if len(row.steps) > 0 {
				table.Rows = append(table.Rows, append([]string{row.name}, row.cells()...))
				table.Notes[0] = strings.Replace(table.Notes[0], "as many digits.", fmt.Sprintf("as many digits (real against real: %.2f).", row.floor), 1)
			}
		}
	}
	return table, nil
}

// digitsRow is what the runs of one row come to.
type digitsRow struct {
	steps, frechet, precision, recall, classes, rarest []float64
	floor                                              float64
}

func (r *digitsRow) add(steps int, q quality) {
	r.steps, r.frechet, r.precision = append(r.steps, float64(steps)), append(r.frechet, q.frechet), append(r.precision, q.precision)
	r.recall, r.classes, r.rarest = append(r.recall, q.recall), append(r.classes, float64(q.classes)), append(r.rarest, 100*q.rarest)
	r.floor = q.floor
}

func (r digitsRow) cells() []string {
	return []string{spread(r.steps, "%.0f"), spread(r.frechet, "%.1f"), spread(r.precision, "%.2f"), spread(r.recall, "%.2f"),
		spread(r.classes, "%.0f"), spread(r.rarest, "%.1f") + " %"}
}

// judgePeer is one row of a table of digits, made by PyTorch.
func (o Options) judgePeer(ctx context.Context, exp gan.Experiment) (q quality, steps int, err error) {
	samples, said, err := o.peer(ctx, exp.Name, exp.Seed)
	if err != nil {
		return q, 0, err
	}
	if err := o.keep("pytorch "+exp.Name, samples); err != nil {
		return q, 0, err
	}
	err = o.withBackend(func(backend compute.Backend) (err error) {
		q, err = o.judged(backend, samples)
		return err
	})
	fmt.Fprintf(o.Log, "pytorch %s: %s, %+v\n", exp.Name, said, q)
	if err != nil {
		return q, 0, err
	}
	if _, err := fmt.Sscan(said, &steps); err != nil {
		return q, 0, fmt.Errorf("peer %s said %q: want its steps first", exp.Name, said)
	}
	return q, steps, nil
}

// peer trains PyTorch's counterpart of a recipe and returns its samples and what it said.
func (o Options) peer(ctx context.Context, name string, seed int64) (samples sample.Images, said string, err error) {
	dir, err := os.MkdirTemp("", "gantry-peer-")
	if err != nil {
		return samples, "", err
	}
	defer os.RemoveAll(dir)
	script, digits, out := filepath.Join(dir, "peer.py"), filepath.Join(dir, "digits"), filepath.Join(dir, "samples.npy")
	images, err := data.MNIST().Load()
	if err != nil {
		return samples, "", err
	}
	err = errors.Join(os.WriteFile(script, peerScript, 0o600), os.WriteFile(digits, images.Pixels, 0o600))
	if err != nil {
		return samples, "", err
	}
	c := exec.CommandContext(ctx, o.Peer, script, name, fmt.Sprint(o.Limit.Seconds()), fmt.Sprint(o.drawn()), out, digits, fmt.Sprint(seed))
	c.Stderr = o.Log
	text, err := c.Output()
	if err != nil {
		return samples, "", fmt.Errorf("peer %s: %w", name, err)
	}
	file, err := os.Open(out)
	if err != nil {
		return samples, "", err
	}
	defer file.Close()
	samples, err = export.ReadNPY(file)
	return samples, strings.TrimSpace(string(text)), err
}
