package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gantry.local/gan/train"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
	"gantry.local/kernel-ext/tensorboard"
)

// LogTensorBoard writes what the run has reported so far as an event file for TensorBoard, into a folder of the run's name below dir: each number,
// at most some 10 000 of it, evenly; the samples that `gantry train` has kept of it and those of now; and its settings as text. With follow it
// goes on with every step until ctx or the run's process ends, neither of which is an error. A folder that has event files already is refused, for
// TensorBoard would show both. What a person should know is said to tell.
func (r *Run) LogTensorBoard(ctx context.Context, dir string, follow bool, tell func(notice string)) (err error) {
	if r.observer {
		return nil
	}
	to := filepath.Join(dir, r.name)
	if there, err := filepath.Glob(filepath.Join(record.Quoted(to), "events.out.tfevents.*")); err != nil || len(there) > 0 {
		return errors.Join(err, fmt.Errorf("%s has event files already, beside which TensorBoard would show the same again: name another folder, or remove them", to))
	}
	i, err := record.ReadInfo(r.dir)
	if err != nil {
		return err
	}
	s, err := r.Status()
	if err != nil {
		return err
	}
	w, err := tensorboard.New(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	l := &eventLog{w: w, counts: map[string]int{}, seen: map[string]int{}}
	if l.begun, err = begun(r.dir); err != nil {
		return err
	}
	if err := w.Text(s.Step, time.Now(), "settings", settingsMarkdown(i)); err != nil {
		return err
	}
	if err := l.keptSamples(r.dir); err != nil {
		return err
	}
	if err := l.presentSamples(s, tell); err != nil {
		return err
	}
	if err := record.Each(r.dir, l.count); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := record.Each(r.dir, l.add); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !follow {
		return nil
	}
	return l.follow(ctx, r)
}

// mostEvents is how many of one number are written of what is past, at least half of them where there are more.
const mostEvents = 10_000

// eventLog is an event file that is being written.
type eventLog struct {
	w      *tensorboard.Writer
	begun  time.Time      // such that a record is of so many seconds later
	calls  int            // written so far
	counts map[string]int // how often each number is reported in all of the past
	seen   map[string]int // so far
	known  []int          // steps whose samples were written
}

// begun is when a run began, if it had trained without a pause until its history was written last.
func begun(dir string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(dir, record.HistoryFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Now(), nil
	}
	if err != nil {
		return time.Time{}, err
	}
	last, err := record.Last(dir)
	if err != nil {
		return info.ModTime(), err
	}
	return info.ModTime().Add(-time.Duration(last.Seconds * float64(time.Second))), nil
}

// at is when a step was made, pauses left out.
func (l *eventLog) at(seconds float64) time.Time {
	return l.begun.Add(time.Duration(seconds * float64(time.Second)))
}

func (l *eventLog) count(m Metric) error {
	for _, n := range m.Numbers {
		l.counts[n.Name]++
	}
	return nil
}

// add writes what a step reports: of each number every so many.
func (l *eventLog) add(m Metric) error {
	l.calls = m.Calls
	if !m.Ordinary() {
		return nil
	}
	for _, n := range m.Numbers {
		seen, all := l.seen[n.Name], l.counts[n.Name]
		l.seen[n.Name]++
		if each := (all + mostEvents - 1) / mostEvents; each > 1 && seen%each != 0 && seen != all-1 {
			continue
		}
		if err := l.w.Scalar(m.Step, l.at(m.Seconds), n.Name, n.Value); err != nil {
			return err
		}
	}
	return nil
}

// follow goes on with the steps that are made.
func (l *eventLog) follow(ctx context.Context, r *Run) error {
	l.counts = map[string]int{} // from now on each
	for e, err := range r.Follow(ctx, l.calls) {
		if ctx.Err() != nil {
			return nil
		}
		if gone(err) { // what it did last is in its folder, once it has saved
			resident.AwaitEnd(r.dir, stopPatience)
			return record.Each(r.dir, func(m Metric) error {
				if m.Calls <= l.calls {
					return nil
				}
				return l.add(m)
			})
		}
		if err != nil {
			return err
		}
		if e.Rewound {
			return fmt.Errorf("run %s went back to step %d, and an event file cannot: log it anew into another folder", r.name, e.Status.Step)
		}
		for _, m := range e.Metrics {
			if err := l.add(m); err != nil {
				return err
			}
		}
		if err := l.w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// largestPicture is the largest file of samples that is taken into a log.
const largestPicture = 32 << 20

// keptSamples writes the pictures that `gantry train` has saved while it trained, each at its step.
func (l *eventLog) keptSamples(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	name := regexp.MustCompile(`^samples-(\d{6,12})\.png$`)
	for _, e := range entries {
		found := name.FindStringSubmatch(e.Name())
		if found == nil {
			continue
		}
		step, err := strconv.Atoi(found[1])
		if err != nil {
			return err
		}
		info, content, err := smallFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		if err := l.picture(step, info.ModTime(), content); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, e.Name()), err)
		}
	}
	return nil
}

func smallFile(path string) (fs.FileInfo, []byte, error) {
	f, err := private.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, largestPicture))
	return info, content, err
}

// presentSamples writes the samples of now. A run that has none is told of.
func (l *eventLog) presentSamples(s Status, tell func(string)) error {
	if slices.Contains(l.known, s.Step) || s.Latent == 0 {
		return nil
	}
	source, err := OpenSource(s.Dir, "", func(string) {})
	if err != nil {
		tell("no samples of now: " + record.OneLine(err))
		return nil
	}
	content, err := source.Render(train.Latents(100, source.Latent, 0), nil, ".png")
	if err = errors.Join(err, source.Close()); err != nil {
		tell("no samples of now: " + record.OneLine(err))
		return nil
	}
	return l.picture(s.Step, time.Now(), content)
}

func (l *eventLog) picture(step int, at time.Time, content []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return err
	}
	l.known = append(l.known, step)
	return l.w.Image(step, at, "samples", content, config.Height, config.Width)
}

// settingsMarkdown is what a run keeps of how it is made, as a table.
func settingsMarkdown(i *record.Info) string {
	var text strings.Builder
	text.WriteString("| setting | value |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "| %s | %s |\n", name, strings.ReplaceAll(strings.Join(strings.Fields(value), " "), "|", `\|`))
		}
	}
	row("recipe", i.Recipe)
	for _, part := range i.Definition.Parts {
		row(part.Name, strings.ReplaceAll(part.Summary, "<nil>", "none"))
	}
	row("loss, set while it trained", i.Loss)
	row("forked from", i.From)
	return text.String()
}
