package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"gantry.local/gan/method"
	"gantry.local/gan/metric"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab"
	"gantry.local/kernel-ext/sweep"
)

// linesAnHour bounds progress.jsonl: after an hour, which has so many lines, the time between two grows with the time so far, so that
// a run of weeks has some ten thousand lines more.
const linesAnHour = int(time.Hour / reportEvery)

// records writes the progress, a line each half second, where out is set, and to progress.jsonl, where lines become fewer by the hour.
type records struct {
	path     string
	out      io.Writer
	last     int // step, which is always reported
	file     *os.File
	begin    time.Time
	reported time.Time
	first    lab.Metric
	latest   lab.Metric
	names    []string             // of the numbers that a line has
	spent    *method.PrivacySpent // of a private run
	recorded time.Time            // the last line of the file
	skipped  []byte               // the line since that is not in it
	distance []train.Number       // the last that was measured; empty: none was
	pending  []byte               // what the file could not take yet
}

// add takes a step.
func (r *records) add(m lab.Metric, of lab.Status) error {
	now := time.Now()
	r.measured(m)
	if r.first.Calls == 0 {
		r.reported, r.first = now, m
	}
	if n := m.Calls - r.first.Calls; n > 0 && m.Seconds > r.first.Seconds {
		m.StepsPerSecond = float64(n) / (m.Seconds - r.first.Seconds)
	}
	m.Seconds = now.Sub(r.begin).Seconds()
	r.latest, r.names, r.spent = m, of.Numbers, of.Privacy
	if m.Step != r.last && now.Sub(r.reported) < reportEvery {
		return nil
	}
	r.reported = now
	return r.write(m)
}

// measured remembers the distance, if the step has measured it.
func (r *records) measured(m lab.Metric) {
	if m.Reports(metric.KernelName) {
		r.distance = []train.Number{{Name: metric.KernelName, Value: m.Value(metric.KernelName)}}
	}
}

func (r *records) write(m lab.Metric) error {
	r.latest = lab.Metric{}
	if !m.Reports(metric.KernelName) {
		m.Numbers = slices.Concat(m.Numbers, r.distance)
	}
	line, err := recordLine(m, r.names, r.spent)
	if err != nil {
		return err
	}
	now := time.Now()
	if m.Step != r.last && now.Sub(r.begin) > time.Hour && now.Sub(r.recorded) < now.Sub(r.begin)/time.Duration(linesAnHour) {
		r.skipped = line
	} else {
		r.recorded = now
		err = r.toFile(line)
	}
	if err == nil && r.out != nil {
		if _, err = r.out.Write(line); err != nil {
			err = fmt.Errorf("cannot report the progress: %w; what was trained is saved, go on with --resume", err)
		}
	}
	return err
}

// toFile appends a line to the file.
func (r *records) toFile(line []byte) error {
	if r.file == nil {
		if err := r.open(); err != nil {
			return fmt.Errorf("cannot record the progress: %w", err)
		}
	}
	r.skipped = nil
	r.pending = append(r.pending, line...)
	n, err := r.file.Write(r.pending)
	r.pending = r.pending[n:]
	if err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) { // else it is tried again
		return fmt.Errorf("cannot record the progress: %w", err)
	}
	return nil
}

// open opens the file, whose last line may be half of one, of a process that was killed.
func (r *records) open() (err error) {
	if r.file, err = os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_RDWR|syscall.O_NOFOLLOW, 0o600); err != nil {
		return err
	}
	info, err := r.file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var end [1]byte
	if _, err = r.file.ReadAt(end[:], info.Size()-1); err == nil && end[0] != '\n' {
		r.pending = []byte{'\n'}
	}
	return err
}

// close records the last step.
func (r *records) close() (err error) {
	if r.latest.Calls > 0 {
		err = r.write(r.latest)
	}
	if err == nil && r.skipped != nil {
		err = r.toFile(r.skipped)
	}
	if r.file == nil {
		return err
	}
	if err == nil && len(r.pending) > 0 {
		_, err = r.file.Write(r.pending)
	}
	return errors.Join(err, r.file.Close())
}

// recordLast records the last step of a run that its process has saved, and was killed before it recorded it.
func recordLast(run *lab.Run, s lab.Status) error {
	path := filepath.Join(run.Dir(), progressFile)
	if int(sweep.LastRecord(path)["step"]) >= s.Step {
		return nil
	}
	all, err := run.Metrics()
	if err != nil {
		return err
	}
	r := records{path: path, last: s.Step, begin: time.Now()}
	for _, m := range all {
		r.measured(m)
		if m.Ordinary() && m.Step == s.Step {
			r.latest, r.names, r.spent = m, s.Numbers, s.Privacy
		}
	}
	return r.close() // which records nothing of a run that began from weights alone
}
