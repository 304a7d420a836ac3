package main

import (
	"bufio"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/janpfeifer/gonb/internal/jpyexec"
	"github.com/janpfeifer/gonb/internal/kernel"
)

const (
	// largestDisplay is how many bytes one display may have, or what else a program sends at once.
	largestDisplay = 256 << 20
	// partingPatience is how long what an ended program has sent last may take to arrive while something that it has left
	// behind can still send; then the cell ends. pagePatience is how long it may take when GoNB waits for the page meanwhile.
	partingPatience = time.Second
	pagePatience    = 5 * time.Second
)

// pipes are the named pipes by which package gonbui in a program speaks with GoNB, and a third by which the program hears
// that it may go on. The engine reads to the end what an ended program has sent.
type pipes struct {
	r            *run
	page         *page
	to, back     string // paths
	takenPath    string
	reader, hold *os.File
	answers      *os.File
	taken        *os.File // gets the number of bytes that have been taken
	fifo         chan *protocol.CommValue
	handling     atomic.Bool   // something that the program has sent is being dealt with
	removed      atomic.Bool   // nobody wants what comes; a read that has begun may outlast that, where named pipes are not polled
	ended, over  chan struct{} // closed when the program has ended, and when nothing is read any more
	capture      io.Writer
}

// openPipes makes the pipes for a program.
func (r *run) openPipes(p *page, program string) (_ *pipes, err error) {
	dir := filepath.Dir(r.e.begin.Dir)
	name := fmt.Sprintf("gonb_pipe_%d", r.cell.ID)
	s := &pipes{
		r: r, page: p, to: filepath.Join(dir, name), back: filepath.Join(dir, name+"_back"),
		takenPath: filepath.Join(dir, name+"_taken"), fifo: make(chan *protocol.CommValue, 128),
		ended: make(chan struct{}), over: make(chan struct{}),
	}
	if r.e.state.CaptureFile != nil {
		s.capture = r.e.state.CaptureFile
	}
	defer func() {
		if err != nil {
			s.remove()
		}
	}()
	for _, path := range []string{s.to, s.back, s.takenPath} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			return nil, &os.PathError{Op: "mkfifo", Path: path, Err: err}
		}
	}
	// Each of the two waits for the other. hold keeps the pipe from ending before the program opens it.
	opened := make(chan error, 1)
	go func() {
		var err error
		s.reader, err = os.Open(s.to)
		opened <- err
	}()
	if s.hold, err = os.OpenFile(s.to, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	if err := <-opened; err != nil {
		return nil, err
	}
	if s.answers, err = os.OpenFile(s.back, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if s.taken, err = os.OpenFile(s.takenPath, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil { // see took
		return nil, err
	}
	executor := jpyexec.New(p, program)
	executor.PipeWriterFifo = s.fifo
	r.e.state.Comms.ProgramStart(executor)
	go s.decode()
	go s.encode()
	return s, nil
}

// environment is what tells the program.
func (s *pipes) environment() []string {
	return []string{protocol.GONB_PIPE_ENV + "=" + s.to, protocol.GONB_PIPE_BACK_ENV + "=" + s.back, gonbui.EnvTaken + "=" + s.takenPath}
}

// close returns when all that the program has sent has gone to the kernel.
func (s *pipes) close() {
	close(s.ended)
	s.hold.Close()
	s.await()
	s.r.e.state.Comms.ProgramFinished()
	s.remove()
}

// await waits until all has been read, as long as that may take.
func (s *pipes) await() {
	for begun := time.Now(); time.Since(begun) < pagePatience && !s.r.isStopped(); {
		select {
		case <-s.over:
			return
		case <-time.After(partingPatience):
			if !s.handling.Load() {
				return
			}
		}
	}
}

func (s *pipes) remove() {
	s.removed.Store(true)
	for _, f := range []*os.File{s.reader, s.hold, s.answers, s.taken} {
		if f != nil {
			f.Close()
		}
	}
	for _, path := range []string{s.to, s.back, s.takenPath} {
		os.Remove(path)
	}
}

// bounded is a program's way to the decoder.
type bounded struct {
	from  io.Reader
	took  func(bytes uint64) // is told how much has come in all, when all of it has been dealt with
	total uint64
	left  int   // bytes that may still come before the decoder has something whole
	ended error // why nothing comes any more
}

// Read implements io.Reader.
func (b *bounded) Read(to []byte) (int, error) {
	if b.left <= 0 {
		b.ended = fmt.Errorf("it has more than %d MB", largestDisplay>>20)
		return 0, b.ended
	}
	b.took(b.total)
	n, err := b.from.Read(to[:min(len(to), b.left)])
	b.left -= n
	b.total += uint64(n)
	b.ended = err
	return n, err
}

// decode takes one display after the other until the end, or until one is too large.
func (s *pipes) decode() {
	defer close(s.over)
	in := &bounded{from: s.reader, took: s.took}
	decoder := gob.NewDecoder(bufio.NewReaderSize(in, roomSize)) // which reads on when the decoder has nothing any more
	for lost := false; ; {
		var said protocol.DisplayData
		in.left = largestDisplay
		err := decoder.Decode(&said)
		switch {
		case s.removed.Load(): // something that the program has left behind sends on
			return
		case err == nil:
			s.handling.Store(true)
			if !isDisplay(&said) {
				s.took(in.total) // GoNB may wait seconds for the page
			}
			err = s.handle(&said)
			s.handling.Store(false)
		case errors.Is(in.ended, io.EOF): // maybe amid a display of a program that was killed
			return
		}
		if err != nil && !lost {
			lost = true
			s.r.e.stderr.say(fmt.Sprintf("gantry: a display is left out: %v; displays hold text, bytes, numbers, and slices and maps of them, up to %d MB\n",
				err, largestDisplay>>20))
		}
		if in.ended != nil { // the program, which is not done with it, gets an error
			s.reader.Close()
			s.taken.Close()
			return
		}
	}
}

// isDisplay tells whether something that a program has sent is to be shown.
func isDisplay(said *protocol.DisplayData) bool {
	for _, other := range []protocol.MIMEType{protocol.MIMEJupyterInput, protocol.MIMECommValue, protocol.MIMECommSubscribe} {
		if _, is := said.Data[other]; is {
			return false
		}
	}
	return true
}

// took tells the program how much of what it has sent has been taken. One that does not listen is not waited for.
func (s *pipes) took(bytes uint64) {
	raw, err := s.taken.SyscallConn()
	if err != nil || bytes == 0 {
		return
	}
	raw.Write(func(fd uintptr) bool {
		syscall.Write(int(fd), binary.BigEndian.AppendUint64(nil, bytes))
		return true
	})
}

// handle does what a program asks for.
func (s *pipes) handle(said *protocol.DisplayData) error {
	comms := s.r.e.state.Comms
	if asked, is := said.Data[protocol.MIMEJupyterInput]; is {
		question, ok := asked.(protocol.InputRequest)
		if !ok {
			return fmt.Errorf("a question of type %T", asked)
		}
		return s.r.ask(question.Prompt, question.Password)
	}
	if asked, is := said.Data[protocol.MIMECommValue]; is {
		value, ok := asked.(protocol.CommValue)
		switch {
		case !ok:
			return fmt.Errorf("a widget's value of type %T", asked)
		case value.Address == protocol.GonbuiSyncAddress:
			select {
			case s.fifo <- &protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: value.Value}:
			case <-s.ended:
			}
		case value.Request:
			comms.ProgramReadValueRequest(value.Address)
		default:
			comms.ProgramSendValueRequest(value.Address, value.Value)
		}
		return nil
	}
	if asked, is := said.Data[protocol.MIMECommSubscribe]; is {
		subscription, ok := asked.(protocol.CommSubscription)
		switch {
		case !ok:
			return fmt.Errorf("a widget's subscription of type %T", asked)
		case subscription.Unsubscribe:
			comms.ProgramUnsubscribeRequest(subscription.Address)
		default:
			comms.ProgramSubscribeRequest(subscription.Address)
		}
		return nil
	}
	return s.display(said)
}

func (s *pipes) display(said *protocol.DisplayData) error {
	data := kernel.Data{Data: kernel.MIMEMap{}, Metadata: said.Metadata, Transient: kernel.MIMEMap{}}
	for kind, content := range said.Data {
		data.Data[string(kind)] = content
		if text, ok := content.(string); ok && s.capture != nil {
			io.WriteString(s.capture, text)
		}
	}
	if said.DisplayID == "" {
		return kernel.PublishDisplayData(s.page, data)
	}
	data.Transient["display_id"] = said.DisplayID
	data.Metadata = kernel.EnsureMIMEMap(data.Metadata)
	return kernel.PublishUpdateDisplayData(s.page, data)
}

// encode gives the program what comes for it. A program that does not read loses nothing but that.
func (s *pipes) encode() {
	encoder := gob.NewEncoder(s.answers)
	for {
		select {
		case value := <-s.fifo:
			if encoder.Encode(value) != nil {
				return
			}
		case <-s.ended:
			return
		}
	}
}
