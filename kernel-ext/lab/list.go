package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"gantry.local/kernel-ext/internal/page"
	"gantry.local/kernel-ext/internal/private"
	"gantry.local/kernel-ext/internal/resident"
	"gantry.local/kernel-ext/lab/record"
)

// Listed is a run as Runs lists it.
type Listed struct {
	record.Status
	Living  bool // a process keeps it; else Open or Attach goes on from its last checkpoint
	Hung    bool // its process does not answer
	Stopped bool // which is because a signal (SIGSTOP) has stopped it
	Damaged bool // its run.json cannot be read, or is not this user's; Problem says more

	// Orphan is true where the notebook's kernel that last used the run is gone and nobody else is connected.
	Orphan bool
}

// Table is a list of runs. Its String is a table in text.
type Table []Listed

// Runs is List by the name that reads well in the last line of a cell, which shows the table.
func Runs() (Table, error) { return List() }

// List lists the runs in RunsDir in the order of their names. What is no run is left out.
func List() (Table, error) {
	dir, err := record.RunsDir()
	if err != nil {
		return nil, err
	}
	return listIn(dir)
}

// ListIn is List for other folders: those that hold runs, or that are one.
func ListIn(dirs ...string) (Table, error) {
	var t Table
	for _, dir := range dirs {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if l, is := look(filepath.Base(dir), dir); is {
			t = append(t, l)
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		more, err := listIn(dir)
		if err != nil {
			return nil, err
		}
		t = append(t, more...)
	}
	return t, nil
}

func listIn(dir string) (Table, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := make([]*Listed, len(entries))
	var looking sync.WaitGroup // at once, so that one that does not answer keeps none waiting
	for n, entry := range entries {
		if record.CheckName(entry.Name()) != nil || !entry.IsDir() && entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		looking.Go(func() {
			if l, is := look(entry.Name(), filepath.Join(dir, entry.Name())); is {
				found[n] = &l
			}
		})
	}
	looking.Wait()
	var t Table
	for _, l := range found {
		if l != nil {
			t = append(t, *l)
		}
	}
	return t, nil
}

// look finds out how a run is; false where the folder holds none.
func look(name, dir string) (l Listed, is bool) {
	l.Name, l.Dir, l.State = name, dir, record.Ended
	i, err := record.ReadInfo(dir)
	switch {
	case errors.Is(err, private.ErrForeign):
		l.Damaged, l.Problem = true, record.OneLine(err)
		return l, record.Holds(dir)
	case err == nil:
		l.Status = i.Status
		l.Signature = i.Definition
		l.Name, l.Dir, l.State = name, dir, record.Ended
	case !errors.Is(err, record.ErrNoRun):
		l.Damaged, l.Problem = true, record.OneLine(err)
	}
	if l.Living = resident.Kept(dir); !l.Living {
		l.Pid = 0
		return l, !errors.Is(err, record.ErrNoRun)
	}
	r := &Run{name: name, dir: dir}
	var s record.Status
	var silent *resident.SilentError
	if err := r.call(context.Background(), "status", nil, &s); gone(err) { // it ended meanwhile
		l.Living = false
		return l, true
	} else if err != nil {
		l.Hung, l.Pid, l.Problem = errors.As(err, &silent), resident.Keeper(dir), record.OneLine(err)
		l.Stopped = l.Hung && silent.Stopped
		return l, true
	}
	l.Status, l.Damaged = s, false
	l.Orphan = s.Clients <= 1 && s.Channel != "" && !answers(s.Channel) // the one is this
	return l, true
}

// answers tells whether a process listens at a Unix socket.
func answers(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := private.Dial(ctx, filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// kept is a run's state in a word, and what there is to say of it.
func (l Listed) kept() (state, remark string) {
	state, remark = l.Word(), l.Problem
	switch {
	case l.Hung || l.Damaged:
	case !l.Living:
		remark = "lab.Open or lab.Attach goes on from its last checkpoint"
	case l.Unsaved != "":
		remark = l.Unsaved
	case l.Orphan:
		remark = "its notebook is gone; `gantry stop " + l.Name + "` ends it"
	}
	return state, remark
}

// Word is the run's state in a word: its State, or "stopped", "hung" or "damaged".
func (l Listed) Word() string {
	switch {
	case l.Stopped:
		return "stopped"
	case l.Hung:
		return "hung"
	case l.Damaged:
		return "damaged"
	}
	return string(l.State)
}

func (l Listed) columns() []string {
	state, remark := l.kept()
	memory, speed, step := "", "", fmt.Sprint(l.Step)
	if l.Living && l.Memory > 0 {
		memory = fmt.Sprintf("%d MB", l.Memory>>20)
	}
	if l.Living && l.StepsPerSecond > 0 {
		speed = fmt.Sprintf("%.3g/s", l.StepsPerSecond)
	}
	if l.Target > l.Step {
		step += fmt.Sprintf(" of %d", l.Target)
	}
	return []string{l.Name, state, step, speed, memory, l.Device, remark}
}

func heads() []string {
	return []string{"run", "state", "step", "steps", "memory", "device", ""}
}

// String is the table in text, a line for each run.
func (t Table) String() string {
	if len(t) == 0 {
		return "no runs\n"
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heads(), "\t"))
	for _, l := range t {
		fmt.Fprintln(w, strings.Join(l.columns(), "\t"))
	}
	w.Flush()
	return text.String()
}

// HTML is the table for a notebook.
func (t Table) HTML() string {
	if len(t) == 0 {
		return "<p>no runs</p>"
	}
	lines := [][]string{heads()}
	for _, l := range t {
		lines = append(lines, l.columns())
	}
	var text strings.Builder
	page.WriteTable(&text, page.Left, lines)
	return text.String()
}
