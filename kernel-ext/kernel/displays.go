//go:build unix

package kernel

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"gantry.local/kernel-ext/jupyter"
)

const (
	// largestDisplay is how many bytes one display may have, or what else a program sends at once.
	largestDisplay = 256 << 20
	// partingPatience is how long what an ended program has sent last may take to arrive; then the cell ends.
	partingPatience = time.Second
	// markType is the content of a display that GoNB hands back here: then it is through with all that was sent before.
	markType = "application/x-gantry-mark"
)

// Values that a display may hold besides the basic ones, as in GoNB.
func init() {
	gob.Register(map[string]any{})
	gob.Register([]string{})
	gob.Register([]any{})
}

// displays reads what the program of one cell shows. GoNB has a pipe for that, but stops reading when the program ends,
// with the last pictures still in it; so programs get a pipe of this kernel in its place. Displays are published from
// here. What else comes through the pipe, questions for input and the values of GoNB's widgets, goes on to GoNB.
type displays struct {
	p      *proxy
	c      *cell
	direct bool // GoNB is to get displays too, for it writes them to a file
	stream *stream
	to     *io.PipeWriter // of in
	in     *bounded
	over   chan struct{} // closed when nothing is read any more

	onward  *os.File // GoNB's pipe, once something was sent to it
	encoder *gob.Encoder
	marked  chan struct{} // gets a value when GoNB hands a mark back
}

// bounded is a program's way to the decoder.
type bounded struct {
	from  *io.PipeReader
	left  int   // bytes that may still come before the decoder has something whole
	ended error // why nothing comes any more
}

// Read implements io.Reader.
func (b *bounded) Read(to []byte) (int, error) {
	if b.left <= 0 {
		b.ended = fmt.Errorf("it has more than %d MB", largestDisplay>>20)
		return 0, b.ended
	}
	n, err := b.from.Read(to[:min(len(to), b.left)])
	b.left -= n
	b.ended = err
	return n, err
}

// openDisplays makes the pipe at path for the program of a cell.
func (p *proxy) openDisplays(c *cell, path string) (*displays, error) {
	r, w := io.Pipe()
	s, err := openStream(path, func(data []byte) {
		w.Write(data)
		w.Write(nil) // which returns when the decoder asks for more, and so is done with what it has
	})
	if err != nil {
		return nil, err
	}
	d := &displays{p: p, c: c, direct: p.gonb.scripts.isDirect(), stream: s, to: w, in: &bounded{from: r}, over: make(chan struct{}),
		marked: make(chan struct{}, 1)}
	go d.decode()
	return d, nil
}

// decode takes one display after the other until close, or until one is too large.
func (d *displays) decode() {
	defer close(d.over)
	decoder := gob.NewDecoder(d.in)
	for lost := false; ; {
		var said protocol.DisplayData
		d.in.left = largestDisplay
		err := decoder.Decode(&said)
		switch {
		case err == nil:
			err = d.handle(&said)
		case errors.Is(d.in.ended, io.EOF): // closed, maybe amid a display of a program that was killed
			return
		}
		if err != nil && !lost {
			lost = true
			d.p.output.write("stderr", fmt.Appendf(nil, "gantry: a display is left out: %v; displays hold text, bytes, numbers, and slices and maps of them, up to %d MB\n",
				err, largestDisplay>>20))
		}
		if d.in.ended != nil {
			d.in.from.Close()
			d.stream.close() // the program, which is not done with it, gets an error
			return
		}
	}
}

// handle publishes a display, or passes on what is none.
func (d *displays) handle(said *protocol.DisplayData) error {
	for _, other := range []protocol.MIMEType{protocol.MIMEJupyterInput, protocol.MIMECommValue, protocol.MIMECommSubscribe} {
		if _, is := said.Data[other]; is {
			return d.passOn(said)
		}
	}
	msgType, transient := "display_data", map[string]any{}
	if id := said.DisplayID; id != "" {
		transient["display_id"] = id
		if d.p.shown[id] {
			msgType = "update_display_data"
		}
		d.p.shown[id] = true
	}
	if d.direct {
		return d.passOn(said)
	}
	content, err := json.Marshal(map[string]any{"data": notNil(said.Data), "metadata": notNil(said.Metadata), "transient": transient})
	if err != nil {
		return err
	}
	m := jupyter.NewMessage(d.p.session, msgType, d.c.message, map[string]any{})
	m.Content = content
	d.p.drainPrinted() // what the program has printed before
	d.p.publish(m)
	return nil
}

func notNil[M ~map[K]any, K comparable](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

// passOn sends something to GoNB and waits until it is through with it: what follows may build on it.
func (d *displays) passOn(said *protocol.DisplayData) error {
	err := d.tryPassOn(said)
	if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrNotExist) {
		d.p.log.Printf("lost what a program sent to GoNB at its end: %v", slices.Collect(maps.Keys(said.Data)))
		return nil
	}
	return err
}

func (d *displays) tryPassOn(said *protocol.DisplayData) error {
	if d.onward == nil {
		path, err := os.ReadFile(d.p.gonb.scripts.onward())
		if err != nil {
			return err
		}
		// Open for both: so neither GoNB nor this kernel waits for the other.
		if d.onward, err = os.OpenFile(string(path), os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
			return err
		}
		d.encoder = gob.NewEncoder(d.onward)
		go func(onward *os.File) {
			d.untilGoNBIsDone(nil)
			onward.Close() // whoever writes to it writes no longer
		}(d.onward)
	}
	mark := &protocol.DisplayData{Data: map[protocol.MIMEType]any{markType: 1}}
	if err := errors.Join(d.encoder.Encode(said), d.encoder.Encode(mark)); err != nil {
		return err
	}
	d.untilGoNBIsDone(d.marked)
	return nil
}

// untilGoNBIsDone waits for done, or for the end of the cell in GoNB.
func (d *displays) untilGoNBIsDone(done <-chan struct{}) {
	select {
	case <-done:
	case <-d.c.idle:
	case <-d.p.done:
	}
}

// takesMark takes a mark that comes back from GoNB. It returns false for other displays.
func (d *displays) takesMark(m *jupyter.Message) bool {
	if d == nil || !isMark(m) {
		return false
	}
	select {
	case d.marked <- struct{}{}:
	default:
	}
	return true
}

// isMark tells whether a display of GoNB is a mark.
func isMark(m *jupyter.Message) bool {
	var content struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	if len(m.Content) > 1000 || json.Unmarshal(m.Content, &content) != nil {
		return false
	}
	_, is := content.Data[markType]
	return is
}

// drain publishes what the program has shown up to now.
func (d *displays) drain() {
	if d != nil {
		d.stream.drain()
	}
}

// close ends the reading, of what a program has left behind too. GoNB is through with the cell by then.
func (d *displays) close() {
	if d == nil {
		return
	}
	d.to.Close()
	d.stream.close()
	<-d.over
	os.Remove(d.stream.file.Name())
}

// openPrograms makes the pipes by which programs and this kernel speak before each program begins.
func (p *proxy) openPrograms() (err error) {
	if p.begins, err = openStream(p.gonb.scripts.begins(), p.programsBegin); err != nil {
		return err
	}
	path := p.gonb.scripts.answers()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	p.told, err = os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	return err
}

func (p *proxy) closePrograms() {
	if p.begins != nil {
		p.begins.close()
	}
	if p.told != nil {
		p.told.Close()
	}
}

// programsBegin gets the process numbers of programs that are about to begin, a line each, and tells each program the
// number of its pipe for displays.
func (p *proxy) programsBegin(lines []byte) {
	for line := range strings.Lines(string(lines)) {
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			continue
		}
		if _, err := fmt.Fprintf(p.told, "%d %s\n", pid, p.programBegins(pid)); err != nil {
			p.log.Printf("a program that begins: %v", err)
		}
	}
}

// programBegins makes the pipe for the displays of a program and returns its number, or nothing where GoNB's has to do.
func (p *proxy) programBegins(pid int) string {
	c := p.cells.running()
	if c == nil || c.course.displays.Load() != nil {
		return ""
	}
	p.programs++
	number := strconv.Itoa(p.programs)
	d, err := p.openDisplays(c, p.gonb.scripts.displays(number))
	if err != nil {
		p.log.Printf("a program's pipe for displays: %v", err)
		return ""
	}
	c.course.displays.Store(d)
	if held, ended, err := holdOutput(pid); err == nil {
		go d.part(pid, held, ended)
	}
	return number
}

// part lets a cell go on in GoNB once its program, the process pid, has ended and all that it has sent has arrived: here,
// in GoNB, and in the hub. held is the end of a pipe that GoNB reads to its end before it looks after the program.
func (d *displays) part(pid int, held io.Closer, ended <-chan struct{}) {
	defer held.Close()
	select {
	case <-ended:
	case <-d.c.ctx.Done():
		return
	}
	arrived := make(chan struct{})
	go func() {
		d.drain()
		d.p.hub.HearOut(pid)
		close(arrived)
	}()
	select {
	case <-arrived:
	case <-d.c.ctx.Done():
	case <-time.After(partingPatience):
	}
}
