// Package history keeps the cells that a user has run, for history requests of front-ends.
//
// Reading order: history.go (the file), query.go (what is looked for in it).
package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/gofrs/flock"

	"gantry.local/kernel-ext/internal/wholefile"
)

// Cells are those that all kernels of a user ran, in one file of JSON lines, newest last. Several kernels
// append at once, each under a lock; a line torn by a crash is passed over. When the file is full its older half goes.
type Cells struct {
	dir  string
	most int64 // size of the file at which the older half goes

	mu      sync.Mutex
	session int // of this kernel; 0: nothing stored yet
	log     func(format string, args ...any)
}

const mostHistory = 4 << 20

// entry is one line of the file: the code of a cell, or later its value.
type entry struct {
	Session int     `json:"session"`
	Line    int     `json:"line"`
	Input   *string `json:"input,omitempty"`
	Output  *string `json:"output,omitempty"`
}

// stateFolder is the user's folder for what programs remember, as the XDG base directories define it.
func stateFolder() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "gantry"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the history: %w; set XDG_STATE_HOME", err)
	}
	return filepath.Join(home, ".local", "state", "gantry"), nil
}

// Open finds the user's history. A kernel that cannot keep one says so in its log and runs without.
func Open(log func(format string, args ...any)) *Cells {
	dir, err := stateFolder()
	if err != nil {
		log("%v", err)
	}
	return &Cells{dir: dir, most: mostHistory, log: log}
}

func (h *Cells) path() string { return filepath.Join(h.dir, "history.jsonl") }

// Input stores the code of cell line of this kernel.
func (h *Cells) Input(line int, code string) { h.store(entry{Line: line, Input: &code}) }

// Output stores the text of its value.
func (h *Cells) Output(line int, value any) {
	if text, ok := value.(string); ok {
		h.store(entry{Line: line, Output: &text})
	}
}

func (h *Cells) store(e entry) {
	if h.dir == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.locked(func() error { return h.append(e) }); err != nil {
		h.log("history: %v", err)
	}
}

// locked calls do while no other kernel writes.
func (h *Cells) locked(do func() error) error {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(h.dir, "history.lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Close()
	return do()
}

func (h *Cells) append(e entry) error {
	if h.session == 0 {
		h.session = h.lastSession() + 1
	}
	e.Session = h.session
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	file, err := os.OpenFile(h.path(), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		if size+int64(len(line)) > h.most {
			return h.halve(line)
		}
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = append([]byte{'\n'}, line...) // behind a torn line
		}
	}
	_, err = file.Write(line)
	return err
}

// halve replaces the file by its newer half and one line more.
func (h *Cells) halve(line []byte) error {
	text, err := os.ReadFile(h.path())
	if err != nil {
		return err
	}
	_, half, _ := bytes.Cut(text[len(text)/2:], []byte("\n"))
	return wholefile.Write(h.path(), append(slices.Clip(half), line...), 0o600)
}

// text is the file. One that cannot be read is as good as none.
func (h *Cells) text() []byte {
	text, err := os.ReadFile(h.path())
	if h.dir == "" || err != nil {
		return nil
	}
	return text
}

// lastSession is the highest number of a session. A kernel's first cell waits for it, so no more is read than what lines begin with.
func (h *Cells) lastSession() (last int) {
	for line := range bytes.Lines(h.text()) {
		number, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte(`{"session":`)), []byte(","))
		if n, err := strconv.Atoi(string(number)); err == nil {
			last = max(last, n)
		}
	}
	return last
}

// remembered is a cell of the history.
type remembered struct {
	session, line int
	input, output *string
}

// read returns the cells, oldest first, in the order in which they ran.
func (h *Cells) read() []remembered {
	var cells []remembered
	at := map[[2]int]int{}
	for line := range bytes.Lines(h.text()) {
		var e entry
		if json.Unmarshal(line, &e) != nil || e.Session <= 0 {
			continue
		}
		key := [2]int{e.Session, e.Line}
		if e.Input != nil {
			at[key] = len(cells)
			cells = append(cells, remembered{session: e.Session, line: e.Line, input: e.Input})
		} else if i, ok := at[key]; ok {
			cells[i].output = e.Output
		}
	}
	return cells
}
