package speed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"gantry.local/gan/device/compilecache"
	"gantry.local/kernel-ext/internal/lastwords"
)

// memorySteps is how many steps the peak of memory is of.
const memorySteps = 30

// latency measures how long one waits for something, and adds it to the report.
type latency func(*measuring, context.Context, Workload) error

// firstSteps measures what comes before the first step: from the start of a process, warm (what was compiled once is kept) and
// cold; and how much memory a process takes.
func (m *measuring) firstSteps(ctx context.Context, w Workload) error {
	told, err := m.told(w)
	if err != nil {
		return err
	}
	row := First{Workload: w.Name, About: w.About}
	type way struct {
		title   string
		measure func() (seconds float64, peak int64, err error)
	}
	warm := filepath.Join(m.work, "warm")
	ways := []way{
		{"Gantry, warm", func() (float64, int64, error) { return m.ownFirst(ctx, w, told, warm) }},
		{"Gantry, cold", func() (float64, int64, error) {
			cold, err := os.MkdirTemp(m.work, "cold-")
			if err != nil {
				return 0, 0, err
			}
			return m.ownFirst(ctx, w, told, cold)
		}},
	}
	for _, f := range frameworks()[1:] {
		for _, name := range m.Peers {
			mode, quickest := f.modes[0], map[string]string{"torch": "channels-last"}[f.name]
			for _, other := range f.modes {
				if other.name == quickest && other.suits(w) {
					mode = other
				}
			}
			if name == f.name {
				ways = append(ways, way{mode.title, func() (float64, int64, error) { return m.askFirst(ctx, f, mode, told) }})
			}
		}
	}
	if _, _, err := m.ownFirst(ctx, w, told, warm); err != nil { // fills the cache
		return err
	}
	row.Ways = make([]Way, len(ways))
	defer func() { // what was measured counts, also where an interrupt cuts it short
		if len(row.Ways[0].Seconds) > 0 {
			m.report.Firsts = append(m.report.Firsts, row)
		}
	}()
	for round := range m.Rounds {
		for i, way := range ways {
			row.Ways[i].Title = way.title
			if row.Ways[i].Missing != "" {
				continue
			}
			seconds, peak, err := way.measure()
			var no refusal
			if errors.As(err, &no) {
				row.Ways[i].Missing = no.reason
				m.log("%s: %s: %s", w.Name, way.title, no.reason)
				continue
			}
			if err != nil {
				return err
			}
			row.Ways[i].Seconds = append(row.Ways[i].Seconds, seconds)
			row.Ways[i].Peaks = append(row.Ways[i].Peaks, peak)
		}
		m.log("%s: round %d of %d", w.Name, round+1, m.Rounds)
	}
	return nil
}

// ownFirst is `gantry train` with a compile cache of its own, until it reports its first step; and then the memory that this
// project's process takes.
func (m *measuring) ownFirst(ctx context.Context, w Workload, told work, cache string) (seconds float64, peak int64, err error) {
	out, err := os.MkdirTemp(m.work, "run-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(out)
	seconds, err = m.untilStep(ctx, cache, "--recipe", w.of, "--batch", strconv.Itoa(told.Batch), "--steps", "1", "--out", filepath.Join(out, "run"))
	if err != nil {
		return 0, 0, err
	}
	_, peak, err = m.askFirst(ctx, frameworks()[0], mode{name: "step"}, told, compilecache.Env+"="+cache)
	return seconds, peak, err
}

// untilStep is `gantry train` with a compile cache of its own, from its start until it reports a step.
func (m *measuring) untilStep(ctx context.Context, cache string, args ...string) (seconds float64, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := exec.CommandContext(ctx, self, append([]string{"train", "--json", "--backend", m.Backend}, args...)...)
	c.Env = append(os.Environ(), compilecache.Env+"="+cache)
	said := &lastwords.Tail{}
	c.Stderr = said
	lines, err := c.StdoutPipe()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := c.Start(); err != nil {
		return 0, err
	}
	read := bufio.NewScanner(lines)
	read.Scan()
	seconds = time.Since(begin).Seconds()
	for read.Scan() {
	}
	if err := c.Wait(); err != nil {
		return 0, fmt.Errorf("gantry train: %w: %s", err, said.Line())
	}
	return seconds, nil
}

// nextSteps measures how soon a run that is kept makes its next step: `gantry train --resume`, from the start of the process.
func (m *measuring) nextSteps(ctx context.Context, w Workload) error {
	out, err := os.MkdirTemp(m.work, "kept-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	dir, cache := filepath.Join(out, "run"), filepath.Join(m.work, "warm")
	steps := 3 // of the run that is kept
	if _, err := m.untilStep(ctx, cache, "--recipe", w.of, "--steps", strconv.Itoa(steps), "--out", dir); err != nil {
		return err
	}
	way := Way{Title: "Gantry, warm"}
	for round := range m.Rounds {
		steps++
		seconds, err := m.untilStep(ctx, cache, "--resume", "--steps", strconv.Itoa(steps), "--out", dir)
		if err != nil {
			return err
		}
		way.Seconds = append(way.Seconds, seconds)
		m.log("%s: round %d of %d", w.Name, round+1, m.Rounds)
	}
	m.report.Firsts = append(m.report.Firsts, First{Workload: w.Name, About: w.About, Ways: []Way{way}})
	return nil
}

// askFirst is a framework's process until it has made its first step, and its memory after some more.
func (m *measuring) askFirst(ctx context.Context, f framework, how mode, told work, env ...string) (seconds float64, peak int64, err error) {
	p, err := m.start(f, false, env...)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	if _, err := p.ask(ctx, question{Do: "run", Mode: how.name, Work: &told, Steps: 1}); err != nil {
		return 0, 0, err
	}
	seconds = time.Since(p.begun).Seconds()
	a, err := p.ask(ctx, question{Do: "run", Mode: how.name, Work: &told, Steps: memorySteps - 1})
	return seconds, a.Peak, err
}
