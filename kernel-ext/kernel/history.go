package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"gantry.local/kernel-ext/internal/wholefile"
	"gantry.local/kernel-ext/jupyter"
)

// A history keeps the cells that all kernels of a user ran, in one file of JSON lines, newest last. Several kernels
// append at once, each under a lock; a line torn by a crash is passed over. When the file is full its older half goes.
type history struct {
	dir  string
	most int64 // size of the file at which the older half goes

	mu      sync.Mutex
	session int // of this kernel; 0: nothing stored yet
	log     *jupyter.Logger
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

// openHistory finds the user's history. A kernel that cannot keep one says so in its log and runs without.
func openHistory(log *jupyter.Logger) *history {
	dir, err := stateFolder()
	if err != nil {
		log.Printf("%v", err)
	}
	return &history{dir: dir, most: mostHistory, log: log}
}

func (h *history) path() string { return filepath.Join(h.dir, "history.jsonl") }

// input stores the code of cell line of this kernel.
func (h *history) input(line int, code string) { h.store(entry{Line: line, Input: &code}) }

// output stores the text of its value.
func (h *history) output(line int, value any) {
	if text, ok := value.(string); ok {
		h.store(entry{Line: line, Output: &text})
	}
}

func (h *history) store(e entry) {
	if h.dir == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.locked(func() error { return h.append(e) }); err != nil {
		h.log.Printf("history: %v", err)
	}
}

// locked calls do while no other kernel writes.
func (h *history) locked(do func() error) error {
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(h.dir, "history.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // also gives the lock back
	if err := lockFile(lock); err != nil {
		return err
	}
	return do()
}

func (h *history) append(e entry) error {
	if h.session == 0 {
		for _, old := range h.entries() {
			h.session = max(h.session, old.Session)
		}
		h.session++
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
func (h *history) halve(line []byte) error {
	text, err := os.ReadFile(h.path())
	if err != nil {
		return err
	}
	_, half, _ := bytes.Cut(text[len(text)/2:], []byte("\n"))
	return wholefile.Write(h.path(), append(slices.Clip(half), line...), 0o600)
}

// entries reads the file. One that cannot be read is as good as none.
func (h *history) entries() []entry {
	if h.dir == "" {
		return nil
	}
	text, err := os.ReadFile(h.path())
	if err != nil {
		return nil
	}
	return readHistory(text)
}

func readHistory(text []byte) []entry {
	var entries []entry
	for line := range bytes.Lines(text) {
		var e entry
		if json.Unmarshal(line, &e) == nil && e.Session > 0 {
			entries = append(entries, e)
		}
	}
	return entries
}

// remembered is a cell of the history.
type remembered struct {
	session, line int
	input, output *string
}

// read returns the cells, oldest first, in the order in which they ran.
func (h *history) read() []remembered {
	var cells []remembered
	at := map[[2]int]int{}
	for _, e := range h.entries() {
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

// historyRequest is the content of a history_request.
type historyRequest struct {
	Output  bool   `json:"output"`
	Type    string `json:"hist_access_type"`
	Session int    `json:"session"` // for range: 0 is this kernel's, -1 the one before
	Start   int    `json:"start"`
	Stop    *int   `json:"stop"`
	N       int    `json:"n"`
	Pattern string `json:"pattern"`
	Unique  bool   `json:"unique"`
}

// answer returns the content of the history_reply: the cells asked for as (session, line, input), or as
// (session, line, (input, output)) where output is asked for. Raw and translated input are the same here.
func (h *history) answer(r historyRequest) map[string]any {
	cells := h.read()
	switch r.Type {
	case "range":
		cells = h.rangeOf(cells, r)
	case "tail":
		cells = lastOf(cells, r.N)
	case "search":
		cells = search(cells, r)
	default:
		return map[string]any{"status": "error", "ename": "ValueError", "traceback": []string{},
			"evalue":  fmt.Sprintf("hist_access_type %q is not known; want range, tail or search", r.Type),
			"history": []any{}}
	}
	list := []any{}
	for _, c := range cells {
		if r.Output {
			list = append(list, []any{c.session, c.line, []any{c.input, c.output}})
		} else {
			list = append(list, []any{c.session, c.line, c.input})
		}
	}
	return map[string]any{"status": "ok", "history": list}
}

func (h *history) rangeOf(cells []remembered, r historyRequest) []remembered {
	session := r.Session
	if session <= 0 {
		h.mu.Lock()
		current := h.session
		h.mu.Unlock()
		if current == 0 { // nothing ran here yet: the session to come
			for _, c := range cells {
				current = max(current, c.session)
			}
			current++
		}
		session += current
	}
	return slices.DeleteFunc(cells, func(c remembered) bool {
		return c.session != session || c.line < r.Start || r.Stop != nil && c.line >= *r.Stop
	})
}

// lastOf returns the last n cells, all of them if n is 0 or less.
func lastOf(cells []remembered, n int) []remembered {
	if n <= 0 {
		return cells
	}
	return cells[max(0, len(cells)-n):]
}

// search returns the cells whose whole code matches a pattern; of equal ones the last, if unique is asked for.
func search(cells []remembered, r historyRequest) []remembered {
	var found []remembered
	seen := map[string]bool{}
	matches := compileGlob(r.Pattern)
	for _, c := range slices.Backward(cells) {
		if !matches(*c.input) || r.Unique && seen[*c.input] {
			continue
		}
		seen[*c.input] = true
		found = append(found, c)
	}
	slices.Reverse(found)
	return lastOf(found, r.N)
}

// compileGlob makes a function of a glob pattern, which tells whether a whole text is what it describes: * stands for
// any characters, ? for one, [a-z] for one of these and [^a-z] for any other. An empty pattern describes every text.
func compileGlob(pattern string) func(text string) bool {
	if pattern == "" {
		return func(string) bool { return true }
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		part := rest[:size]
		rest = rest[size:]
		switch r {
		case '*':
			part = ".*"
		case '?':
			part = "."
		case '[':
			set, after, ok := cutSet(rest)
			if ok {
				part, rest = set, after
				break
			}
			fallthrough
		default:
			part = regexp.QuoteMeta(part)
		}
		b.WriteString(part)
	}
	b.WriteString(`\z`)
	compiled, err := regexp.Compile(b.String())
	if err != nil {
		return func(text string) bool { return text == pattern } // such as [z-a]
	}
	return compiled.MatchString
}

// cutSet turns the rest of a glob's [set] into that of a regular expression.
func cutSet(rest string) (set, after string, ok bool) {
	negation := ""
	if strings.HasPrefix(rest, "^") || strings.HasPrefix(rest, "!") {
		negation, rest = "^", rest[1:]
	}
	if rest == "" {
		return "", "", false
	}
	end := strings.IndexByte(rest[1:], ']') + 1 // a ] in front is one of the set
	if end == 0 {
		return "", "", false
	}
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`).Replace(rest[:end])
	return "[" + negation + escaped + "]", rest[end+1:], true
}
