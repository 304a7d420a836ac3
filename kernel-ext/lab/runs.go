package lab

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"gantry.local/kernel-ext/internal/detach"
)

// Listed is a run as Runs lists it.
type Listed struct {
	Status
	Living bool // a process keeps it; else Open or Attach goes on from its last checkpoint
	Hung   bool // its process does not answer

	// Orphan is true where the notebook's kernel that last used the run is gone and nobody else is connected.
	Orphan bool
}

// Table is a list of runs. Its String is a table in text.
type Table []Listed

const lookTime = 2 * time.Second // for a process to say how it is

// Runs lists the runs in RunsDir, and in a notebook shows them as a table.
func Runs() (Table, error) {
	t, err := List()
	if err == nil && gonbui.IsNotebook {
		gonbui.DisplayHtml(t.HTML())
		gonbui.Sync()
	}
	return t, err
}

// List lists the runs in RunsDir in the order of their names. What is no run is left out.
func List() (Table, error) {
	dir, err := RunsDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var t Table
	for _, entry := range entries {
		if !entry.IsDir() || checkName(entry.Name()) != nil {
			continue
		}
		if l, is := look(entry.Name(), filepath.Join(dir, entry.Name())); is {
			t = append(t, l)
		}
	}
	return t, nil
}

// look finds out how a run is; false where the folder holds none.
func look(name, dir string) (l Listed, is bool) {
	i, err := readInfo(dir)
	l.Living = lives(dir)
	if err != nil && !l.Living {
		return l, false
	}
	if err == nil {
		l.Status = i.Status
		l.Signature = i.Definition
	}
	l.Name, l.Dir = name, dir
	if !l.Living {
		l.State, l.Pid = Ended, 0
		return l, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	r := &Run{name: name, dir: dir}
	var s Status
	if err := r.call(ctx, "status", nil, &s); err != nil {
		l.Hung = true
		l.Problem = oneLine(err)
		return l, true
	}
	l.Status = s
	l.Orphan = s.Clients <= 1 && s.Channel != "" && !answers(s.Channel) // the one is this
	return l, true
}

// answers tells whether a process listens at a Unix socket.
func answers(path string) bool {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// EndRun saves the run's state and ends its process; one that does not end within patience is killed. killed tells which,
// and found whether there was a process at all.
func EndRun(name string, patience time.Duration) (found, killed bool, err error) {
	dir, err := dirOf(name)
	if err != nil {
		return false, false, err
	}
	if _, err := readInfo(dir); err != nil && !lives(dir) {
		return false, false, err
	}
	return endRun(name, dir, patience)
}

// EndRunsIn is EndRun for all runs in a folder that is not RunsDir.
func EndRunsIn(dir string, patience time.Duration) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		_, _, failed := endRun(entry.Name(), filepath.Join(dir, entry.Name()), patience)
		err = errors.Join(err, failed)
	}
	return err
}

func endRun(name, dir string, patience time.Duration) (found, killed bool, err error) {
	if !lives(dir) {
		return false, false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := &Run{name: name, dir: dir}
	asked := r.call(ctx, "stop", nil, nil)
	pid := r.pid()
	if asked != nil && pid > 0 { // it is of another version, or hangs; the signal asks the same
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && lives(dir) {
			return true, false, fmt.Errorf("run %s: process %d cannot be ended: %w", name, pid, err)
		}
	}
	deadline, _ := ctx.Deadline()
	if waitForEnd(dir, max(time.Until(deadline), 100*time.Millisecond)) {
		return true, false, nil
	}
	if pid == 0 {
		return true, false, fmt.Errorf("run %s does not end, and which process keeps it is not known: see what has %s open", name,
			filepath.Join(dir, runLockFile))
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return true, false, fmt.Errorf("run %s: process %d cannot be killed: %w", name, pid, err)
	}
	if !waitForEnd(dir, patience) {
		return true, true, fmt.Errorf("run %s: process %d does not end though it was killed", name, pid)
	}
	return true, true, nil
}

// pid is the process that keeps the run, as it wrote into its lock; 0 where it cannot be told.
func (r *Run) pid() int {
	text, err := os.ReadFile(filepath.Join(r.dir, runLockFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil || !isProgram(pid, filepath.Join(r.dir, detach.ProgramFile)) {
		return 0
	}
	return pid
}

// kept is a run's state in a word, and what there is to say of it.
func (l Listed) kept() (state, remark string) {
	state, remark = string(l.State), l.Problem
	switch {
	case l.Hung:
		state = "hung"
	case !l.Living:
		state, remark = "ended", "lab.Open or lab.Attach goes on from its last checkpoint"
	case l.Orphan:
		remark = "its notebook is gone; `gantry stop " + l.Name + "` ends it"
	}
	return state, remark
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
	var text strings.Builder
	row := func(tag string, cells []string) {
		text.WriteString("<tr>")
		for _, cell := range cells {
			fmt.Fprintf(&text, `<%s style="text-align:left">%s</%s>`, tag, html.EscapeString(cell), tag)
		}
		text.WriteString("</tr>")
	}
	text.WriteString("<table>")
	row("th", heads())
	for _, l := range t {
		row("td", l.columns())
	}
	text.WriteString("</table>")
	return text.String()
}
