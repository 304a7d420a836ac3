package panel

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gantry.local/gan/method"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/record"
)

// BenchmarkLongHistory writes what a run of ten million steps records, through the history that a run's process writes, saved each 15,000
// steps; then it measures what a panel needs of it when it is opened: the history read, and its curves drawn.
func BenchmarkLongHistory(b *testing.B) {
	const steps = 10_000_000
	dir := b.TempDir()
	begin := time.Now()
	write(b, dir, steps)
	written, size := time.Since(begin), sizeOf(b, dir)
	for b.Loop() {
		all, err := record.Stretches(dir, record.MostStretches)
		if err != nil {
			b.Fatal(err)
		}
		var c curves
		c.add(record.Event{Earlier: all})
		if _, err := drawCurves(c.plot(nil)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(written.Nanoseconds())/steps, "write-ns/step")
	b.ReportMetric(float64(size)/1e6, "MB")
}

// write is the history of a run that reports as many numbers as a run of two networks does.
func write(t testing.TB, dir string, steps int) {
	t.Helper()
	names := []string{method.CriticLoss, method.GeneratorLoss, method.PenaltyTerm, method.RealLogit, method.FakeLogit, method.RealAccuracy,
		method.FakeAccuracy, method.RealSign, method.CriticGradient, method.GeneratorGradient}
	h, err := record.OpenHistory(filepath.Join(dir, record.HistoryFile), record.Columns{Numbers: names, Networks: []string{"critic", "generator"}})
	if err != nil {
		t.Fatal(err)
	}
	numbers := make([]train.Number, len(names))
	var saved []int
	for step := 1; step <= steps; step++ {
		for i, name := range names {
			numbers[i] = train.Number{Name: name, Value: math.Sin(float64(step*(i+1))) + float64(i)}
		}
		if step == spikeAt(steps) {
			numbers[0].Value = spike
		}
		m := record.Metric{Calls: step, Seconds: float64(step) / 500, Progress: train.Progress{Step: step, Numbers: numbers}}
		if err := h.Add(m); err != nil {
			t.Fatal(err)
		}
		if step%15_000 > 0 && step < steps {
			continue
		}
		saved = append(saved[max(0, len(saved)-12):], step)
		if err := h.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := h.Condense(saved); err != nil {
			t.Fatal(err)
		}
	}
}

const spike = 1000.0

func spikeAt(steps int) int { return steps/3 + 7 }

func sizeOf(t testing.TB, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		info, statErr := os.Stat(path)
		if statErr == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// TestSpikeStays wants one step among many to be seen in the curves at its place, and the files of many steps to be small.
func TestSpikeStays(t *testing.T) {
	const steps = 600_000
	dir := t.TempDir()
	write(t, dir, steps)
	if size := sizeOf(t, dir); size > 60e6 {
		t.Errorf("the history has %d MB", size/1e6)
	}
	all, err := record.Stretches(dir, record.MostStretches)
	if err != nil {
		t.Fatal(err)
	}
	var c curves
	c.add(record.Event{Earlier: all})
	critic := c.plot(nil).Series[0]
	at := slices.Index(critic.High, spike)
	if at < 0 || math.Abs(critic.X[at]-float64(spikeAt(steps))) > 1000 {
		t.Fatalf("the spike of step %d is not in the curve", spikeAt(steps))
	}
	if len(critic.X) > curvePoints || critic.Y[at] > spike/100 || critic.Low[at] > 0 {
		t.Errorf("its point, of %d, has mean %g and least %g", len(critic.X), critic.Y[at], critic.Low[at])
	}
}
