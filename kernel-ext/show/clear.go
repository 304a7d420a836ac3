package show

import (
	"errors"
	"os"

	"github.com/janpfeifer/gonb/gonbui"
)

const (
	// The kernel sets this variable for a program whose standard output it reads, and takes these words out of it.
	envClear  = "GANTRY_CLEAR"
	clearNow  = "\x1b_gantry clear\x1b\\"
	clearWait = "\x1b_gantry clear wait\x1b\\"
)

// Clear takes away all that the cell has printed and shown so far. With wait it goes only when the next output comes,
// so that nothing flickers in between. Outside a notebook nothing happens; in a notebook whose kernel is not Gantry's
// Clear fails.
func Clear(wait bool) error {
	if !gonbui.IsNotebook {
		return nil
	}
	if os.Getenv(envClear) == "" {
		return errors.New("show: cannot clear the cell's output: choose the kernel Go (Gantry) for this notebook")
	}
	if err := flush(flushTime); err != nil { // what was shown before comes on another way
		return err
	}
	words := clearNow
	if wait {
		words = clearWait
	}
	_, err := os.Stdout.WriteString(words) // at its place among what is printed
	return err
}
