package show

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

const cellEnv = "SHOW_TEST_CELL" // names the program that a process of the test binary is

// TestMain runs a cell where the environment says so: what gonbui does depends on how its process was started.
func TestMain(m *testing.M) {
	cells := map[string]func() error{"pictures": picturesCell, "gone": goneCell, "deaf": deafCell}
	name := os.Getenv(cellEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := cells[name](); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// picturesCell shows one of each.
func picturesCell() error {
	c := &clock{time.Unix(1000, 0)}
	live := NewLive(LiveOptions{Title: "first", Total: 4, Now: c.Now})
	samples := rings(4, 28, 28, 1)
	errs := []error{
		Grid(samples, GridOptions{}),
		Curves(Plot{Title: "losses", Series: []Series{{Y: []float64{1, 2}}}}),
	}
	for step, wait := range []time.Duration{0, 300, 100, 300} { // the third is too early to be drawn
		c.advance(wait * time.Millisecond)
		if due := live.Due(); due != (wait != 100) {
			errs = append(errs, fmt.Errorf("due after %d ms is %v", wait, due))
		}
		errs = append(errs, live.Update(Frame{Step: step + 1, Numbers: losses(1, 2), Samples: &samples}))
	}
	return errors.Join(append(errs, live.Done())...)
}

// goneCell draws, and once more after the kernel has gone.
func goneCell() error {
	c := &clock{time.Unix(1000, 0)}
	live := NewLive(LiveOptions{Now: c.Now})
	if err := live.Update(Frame{}); err != nil {
		return fmt.Errorf("too early: %w", err)
	}
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return err
	}
	c.advance(time.Second)
	return errors.Join(live.Update(Frame{}), live.Done())
}

// deafCell waits for a kernel that does not answer.
func deafCell() error {
	if err := gonbui.Open(); err != nil {
		return err
	}
	return flush(time.Millisecond)
}

// cell is a program as GoNB starts it. Both pipes are open for reading and writing, so that neither end waits for the
// other to open.
type cell struct {
	*exec.Cmd
	out            bytes.Buffer
	toUs, fromUs   *os.File
	decode, encode func(any) error
}

func newCell(t *testing.T, name string) *cell {
	t.Helper()
	dir := t.TempDir()
	open := func(name string) *os.File {
		path := filepath.Join(dir, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	c := &cell{Cmd: exec.Command(os.Args[0]), toUs: open("pipe"), fromUs: open("pipe_back")}
	c.decode, c.encode = gob.NewDecoder(c.toUs).Decode, gob.NewEncoder(c.fromUs).Encode
	c.Env = append(os.Environ(), cellEnv+"="+name,
		protocol.GONB_PIPE_ENV+"="+c.toUs.Name(), protocol.GONB_PIPE_BACK_ENV+"="+c.fromUs.Name())
	c.Stdout, c.Stderr = &c.out, &c.out
	return c
}

// messages runs the cell and returns what it displays, answering its Syncs as GoNB does.
func (c *cell) messages(t *testing.T) []protocol.DisplayData {
	t.Helper()
	var mu sync.Mutex
	var all []protocol.DisplayData
	go func() {
		for {
			var message protocol.DisplayData
			if c.decode(&message) != nil {
				return // closed below
			}
			if request, ok := message.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
				if c.encode(&protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: request.Value}) != nil {
					return
				}
				continue
			}
			mu.Lock()
			all = append(all, message)
			mu.Unlock()
		}
	}()
	err := c.Run() // it ends only after its last Sync was answered, so all before that is in
	c.toUs.Close()
	if err != nil {
		t.Fatalf("%v: %s", err, &c.out)
	}
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(all)
}

func TestNotebook(t *testing.T) {
	messages := newCell(t, "pictures").messages(t)
	if len(messages) != 6 { // grid, curves, three redraws, the last state
		t.Fatalf("%d messages, want 6", len(messages))
	}
	var pictures []image.Image
	for i, message := range messages {
		encoded, _ := message.Data[protocol.MIMEImagePNG].([]byte)
		img, err := png.Decode(bytes.NewReader(encoded))
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		pictures = append(pictures, img)
		density := 1
		if i > 0 {
			density = 2
		}
		metadata, err := json.Marshal(message.Metadata) // as it goes to the browser
		want := fmt.Sprintf(`{"image/png":{"height":%d,"width":%d}}`, img.Bounds().Dy()/density, img.Bounds().Dx()/density)
		if err != nil || string(metadata) != want {
			t.Errorf("message %d: metadata %s, %v, want %s", i, metadata, err, want)
		}
	}
	grid, err := GridImage(rings(4, 28, 28, 1), GridOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if difference := compare(pictures[0], grid); difference != "" {
		t.Errorf("the grid arrives altered: %s", difference)
	}
	id := messages[2].DisplayID
	if messages[0].DisplayID != "" || messages[1].DisplayID != "" || id == "" {
		t.Errorf("display ids %q, %q, %q", messages[0].DisplayID, messages[1].DisplayID, id)
	}
	for i, want := range []string{
		"picture of 234×60 pixels", "plot: losses", "first · step 1 of 4 · critic 1 · generator 2",
		"first · step 2 of 4 · 3.33 steps/s · 1 s left · critic 1 · generator 2",
		"first · step 4 of 4 · 4.29 steps/s · critic 1 · generator 2",
		"first · step 4 of 4 · 4.29 steps/s · ended after 1 s · critic 1 · generator 2",
	} {
		if got := messages[i].Data[protocol.MIMETextPlain]; got != want {
			t.Errorf("message %d says %q, want %q", i, got, want)
		}
		if i >= 2 && messages[i].DisplayID != id {
			t.Errorf("message %d has display id %q, not %q", i, messages[i].DisplayID, id)
		}
	}
}

func TestNotebookGone(t *testing.T) {
	c := newCell(t, "gone")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var message protocol.DisplayData
	if err := c.decode(&message); err != nil {
		t.Fatal(err)
	}
	c.toUs.Close()
	stdin.Close()
	err = c.Wait()
	if err == nil || !strings.Contains(c.out.String(), "show: notebook: failed to write") {
		t.Errorf("after the kernel has gone: %v, %s", err, &c.out)
	}
	if strings.Contains(c.out.String(), "too early") {
		t.Errorf("before: %s", &c.out)
	}
}

func TestNotebookDeaf(t *testing.T) {
	c := newCell(t, "deaf")
	if err := c.Run(); err == nil || !strings.Contains(c.out.String(), "did not answer within 1ms") {
		t.Errorf("%v, %s", err, &c.out)
	}
}
