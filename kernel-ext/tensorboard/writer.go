package tensorboard

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"gantry.local/gan/protobuf"
	"gantry.local/kernel-ext/internal/private"
)

// Writer writes the events of one run. It is not safe for concurrent use.
type Writer struct {
	file *os.File
	to   *bufio.Writer
	err  error // why nothing can be written any more
}

// What one event may have.
const (
	longestName    = 1 << 10 // bytes
	largestContent = 64 << 20
)

// New makes a new event file in a folder, and the folder where there is none, both private to the user. What lies in it stays: TensorBoard
// reads all event files of a folder as one run, so a folder that is written to again has its events twice.
func New(dir string) (*Writer, error) {
	if err := private.Folder(dir); err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	now := time.Now()
	file, err := os.CreateTemp(dir, fmt.Sprintf("events.out.tfevents.%010d.gantry.%d.*", now.Unix(), os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("event file: %w", err)
	}
	w := &Writer{file: file, to: bufio.NewWriterSize(file, 64<<10)}
	return w, w.add(first(now))
}

// Scalar writes a number. TensorBoard draws those of one name as a curve, with gaps where they are not finite, and puts names with a common
// beginning before a / together.
func (w *Writer) Scalar(step int, at time.Time, name string, value float64) error {
	if err := checkName(name); err != nil {
		return err
	}
	return w.add(summary(step, at, scalarValue(name, value)))
}

// Image writes a picture, PNG, of h×w pixels.
func (w *Writer) Image(step int, at time.Time, name string, png []byte, height, width int) error {
	if err := checkName(name); err != nil {
		return err
	}
	if height < 1 || width < 1 || len(png) == 0 || len(png) > largestContent {
		return fmt.Errorf("event file: picture %q of %d×%d pixels in %d bytes: want at least one pixel, and at most %d bytes", name, height, width, len(png), largestContent)
	}
	return w.add(summary(step, at, imageValue(name, png, height, width)))
}

// Text writes a text, which TensorBoard shows as Markdown.
func (w *Writer) Text(step int, at time.Time, name, text string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if len(text) > largestContent {
		return fmt.Errorf("event file: text %q of %d bytes: want at most %d", name, len(text), largestContent)
	}
	return w.add(summary(step, at, textValue(name, strings.ToValidUTF8(text, "�"))))
}

// Flush hands what was written to the system, so that TensorBoard sees it.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.err = w.to.Flush()
	}
	return w.failed()
}

// Close ends the file.
func (w *Writer) Close() error { return errors.Join(w.Flush(), w.file.Close()) }

// add writes an event.
func (w *Writer) add(m protobuf.Message) error {
	if w.err == nil {
		_, w.err = w.to.Write(frame(nil, m))
	}
	return w.failed()
}

func (w *Writer) failed() error {
	if w.err != nil {
		return fmt.Errorf("event file: %w", w.err)
	}
	return nil
}

// checkName reports a name that TensorBoard could not show.
func checkName(name string) error {
	if name == "" || len(name) > longestName || !utf8.ValidString(name) {
		return fmt.Errorf("event file: %.50q is no name for a value: want 1 to %d bytes of UTF-8", name, longestName)
	}
	return nil
}
