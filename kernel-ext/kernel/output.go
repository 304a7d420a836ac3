package kernel

import (
	"bytes"
	"sync"
	"time"
	"unicode/utf8"

	"gantry.local/kernel-ext/internal/lastwords"
	"gantry.local/kernel-ext/jupyter"
)

const (
	// What cells print waits this long for more, or until so much is together: a front-end is slow with many small
	// messages.
	gatherTime = 25 * time.Millisecond
	gatherSize = 64 << 10
	// A panic's message without the traces behind it is somebody's own words after this time. So is one with traces whose
	// program still runs after a longer time, or prints more than this.
	panicPatience = 300 * time.Millisecond
	tracePatience = 15 * time.Second
	traceSize     = 1 << 20
)

// printed is text of one stream.
type printed struct {
	name string // stdout or stderr
	text []byte
}

// output gathers what cells print into few messages, in order, each of whole runes. It keeps back the last words of a
// program that panics, which belong into its error.
type output struct {
	send func(parent *jupyter.Message, msgType string, content any)

	annotate func(stderr []byte) []byte // under mu; nil: no program has begun

	mu      sync.Mutex
	parent  *jupyter.Message // the cell that began last
	pending []printed
	size    int               // of pending
	broken  map[string][]byte // nil until needed; by stream: the first bytes of a rune whose rest is still to come
	timer   *time.Timer       // running while something is pending

	opened   []byte         // of stdout: what may be the beginning of a clearing
	released []byte         // what looks like a panic, and was printed
	held     []byte         // from the line that begins a panic on
	holding  time.Time      // since when; zero: nothing is held
	said     lastwords.Tail // on stderr
	keep     bool           // keep the last standard output
	kept     []byte         // that
}

// begin says that what is printed from now on belongs to another cell.
func (o *output) begin(parent *jupyter.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.release()
	o.flushAll()
	o.parent = parent
	o.said, o.keep, o.kept, o.released = lastwords.Tail{}, false, nil, nil
}

// annotateBy has what is printed on stderr from now on go through a function; nil: through none.
func (o *output) annotateBy(annotate func(stderr []byte) []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked() // what was printed before is not about this program
	o.annotate = annotate
}

// keepEnd has the end of the cell's standard output kept.
func (o *output) keepEnd(keep bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep = keep
}

// write adds what was printed.
func (o *output) write(name string, text []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if name == "stderr" {
		text = o.hold(text)
	} else {
		text = o.clearings(text)
	}
	o.append(name, text)
}

// What show.Clear prints begins and ends with these.
const clearBegin, clearEnd = "\x1b_gantry clear", "\x1b\\"

// clearings carries out the clearings in text up to the last, and returns what is behind it. What was shown before a
// clearing has been published: show.Clear waits for that.
func (o *output) clearings(text []byte) []byte {
	text = append(o.opened, text...)
	o.opened = nil
	for {
		before, rest, found := bytes.Cut(text, []byte(clearBegin))
		kind, after, whole := bytes.Cut(rest, []byte(clearEnd))
		switch {
		case found && whole:
			o.append("stdout", before)
			o.flushLocked()
			if o.parent != nil {
				o.send(o.parent, "clear_output", map[string]bool{"wait": string(kind) == " wait"})
			}
			text = after
			continue
		case found && len(rest) < len(" wait"+clearEnd):
			o.opened = bytes.Clone(text[len(before):])
			return before
		}
		for n := min(len(clearBegin)-1, len(text)); n > 0; n-- { // it may be cut anywhere
			if bytes.HasSuffix(text, []byte(clearBegin[:n])) {
				o.opened = bytes.Clone(text[len(text)-n:])
				return text[:len(text)-n]
			}
		}
		return text
	}
}

func (o *output) append(name string, text []byte) {
	if len(text) == 0 {
		return
	}
	if name == "stderr" {
		o.said.Write(text)
	} else if o.keep {
		o.kept = append(o.kept, text...)
		o.kept = o.kept[max(0, len(o.kept)-gatherSize):]
	}
	if n := len(o.pending); n > 0 && o.pending[n-1].name == name {
		o.pending[n-1].text = append(o.pending[n-1].text, text...)
	} else {
		o.pending = append(o.pending, printed{name, bytes.Clone(text)})
	}
	o.size += len(text)
	if o.size >= gatherSize {
		o.flushLocked()
	} else {
		o.wakeLater()
	}
}

func (o *output) wakeLater() {
	if o.timer == nil {
		o.timer = time.AfterFunc(gatherTime, o.flush)
	}
}

// hold keeps back the part of stderr that is a Go program's last words, and returns the part before it.
func (o *output) hold(text []byte) []byte {
	if !o.holding.IsZero() {
		o.held = append(o.held, text...)
		if len(o.held) > traceSize {
			o.release()
		}
		return nil
	}
	at := panicStart(text)
	if at < 0 {
		return text
	}
	o.held, o.holding = bytes.Clone(text[at:]), time.Now()
	o.wakeLater()
	return text[:at]
}

// panicStart returns where a line begins that opens the last words of a Go program, or -1. The runtime writes such a
// beginning at once, so it is never cut.
func panicStart(text []byte) int {
	at := -1
	for _, word := range []string{"panic: ", "fatal error: ", "SIGABRT: ", "SIGBUS: ", "SIGFPE: ", "SIGSEGV: "} {
		if bytes.HasPrefix(text, []byte(word)) {
			return 0
		}
		if i := bytes.Index(text, []byte("\n"+word)); i >= 0 && (at < 0 || i+1 < at) {
			at = i + 1
		}
	}
	return at
}

// hasTraces tells whether the traces of goroutines, or of the runtime, have begun behind a panic's message.
func hasTraces(text []byte) bool {
	return bytes.Contains(text, []byte("\n\ngoroutine ")) || bytes.Contains(text, []byte("\n\nruntime stack:\n"))
}

// release gives what was held back to stderr after all.
func (o *output) release() {
	if o.holding.IsZero() {
		return
	}
	text := o.held
	o.held, o.holding = nil, time.Time{}
	if hasTraces(text) {
		o.released = text
	}
	o.append("stderr", text)
}

// flush publishes what is pending.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flushLocked()
}

func (o *output) flushLocked() {
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	if !o.holding.IsZero() {
		patience := panicPatience
		if hasTraces(o.held) {
			patience = tracePatience
		}
		if time.Since(o.holding) < patience {
			defer o.wakeLater()
		} else {
			defer o.flushLocked() // behind what is pending
			defer o.release()
		}
	}
	for _, part := range o.pending {
		text := append(o.broken[part.name], part.text...)
		if part.name == "stderr" && o.annotate != nil {
			text = o.annotate(text)
		}
		whole := len(text) - brokenRune(text)
		if o.broken == nil {
			o.broken = map[string][]byte{}
		}
		o.broken[part.name] = bytes.Clone(text[whole:])
		o.emit(part.name, text[:whole])
	}
	o.pending, o.size = nil, 0
}

// flushAll publishes what is pending, and broken runes too.
func (o *output) flushAll() {
	if opened := o.opened; len(opened) > 0 {
		o.opened = nil
		o.append("stdout", opened)
	}
	o.flushLocked()
	for name, text := range o.broken {
		delete(o.broken, name)
		o.emit(name, text)
	}
}

// emit sends text in messages of moderate size.
func (o *output) emit(name string, text []byte) {
	for len(text) > 0 {
		n := len(text)
		if n > 2*gatherSize {
			n = gatherSize - brokenRune(text[:gatherSize])
		}
		if o.parent != nil {
			o.send(o.parent, "stream", map[string]string{"name": name, "text": string(text[:n])})
		}
		text = text[n:]
	}
}

// brokenRune returns how many bytes at the end of text are the beginning of a rune.
func brokenRune(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if utf8.FullRune(last) {
				return 0
			}
			return n
		}
	}
	return 0
}

// ended is what a cell that is over said last.
type ended struct {
	panic    string // held back: a panic with its traces
	released string // the like, but printed after all
	lastLine string // of stderr
	stdout   string // its end, if keepEnd asked for it
}

// end publishes all that a cell printed.
func (o *output) end(failed bool) (said ended) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if failed && hasTraces(o.held) {
		said.panic = string(o.held)
		o.held, o.holding = nil, time.Time{}
	}
	said.released = string(o.released)
	o.release()
	o.flushAll()
	said.lastLine, said.stdout = o.said.Line(), string(o.kept)
	return said
}
