package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui"

	"gantry.local/gan/device"
	"gantry.local/kernel-ext/show"
	"gantry.local/kernel-ext/sweep"
)

const (
	sweepEach  = 500 * time.Millisecond // how often the picture of a sweep is made anew, where that is quick
	sweepShare = 10                     // of the time at most one part goes into it
)

// Sweep trains the trials of a spec, or goes on with those of a sweep's folder, as `gantry sweep` does, and shows them while it does: settings
// and metric of each trial as lines, the best so far, and the table. A sweep that another process is at work on is only shown. Interrupting the cell has all
// trials save and end, which is no error: the same call goes on. The error is that of a spec which is wrong, or of trials that have failed; the
// others are done then.
func Sweep(path string) error {
	dir, err := filepath.Abs(sweep.FolderOf(path))
	if err != nil {
		return err
	}
	ctx := Context()
	page := show.NewPage()
	if sweep.Busy(dir) {
		for ctx.Err() == nil && sweep.Busy(dir) {
			begin := time.Now()
			if err := showSweep(page, dir); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(max(sweepEach, sweepShare*time.Since(begin))):
			}
		}
		return errors.Join(showSweep(page, dir), page.Done())
	}
	gantry, err := exec.LookPath(filepath.Join(os.Getenv(device.EnvRoot), "bin", "gantry"))
	if err != nil {
		if gantry, err = exec.LookPath("gantry"); err != nil {
			return fmt.Errorf("there is no gantry to run the sweep: run `make build` (%w)", err)
		}
	}
	c := exec.CommandContext(ctx, gantry, "sweep", path)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the cell reaches it once
	var said bytes.Buffer
	c.Stderr = &said
	if !gonbui.IsNotebook {
		c.Stdout, c.Stderr = os.Stdout, io.MultiWriter(os.Stderr, &said)
	}
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for pause := sweepEach; ; {
		select {
		case err := <-ended:
			if c.ProcessState.ExitCode() == sweep.CodeWrong { // nothing was trained, and the folder may have another sweep
				return errors.New(lastSaid(said.String()))
			}
			if err != nil && ctx.Err() == nil {
				err = errors.New(lastSaid(said.String()))
			} else {
				err = nil
			}
			return errors.Join(err, showSweep(page, dir), page.Done())
		case <-time.After(pause):
			begin := time.Now()
			if err := showSweep(page, dir); err != nil {
				return errors.Join(err, c.Cancel(), <-ended)
			}
			pause = max(sweepEach, sweepShare*time.Since(begin))
		}
	}
}

// lastSaid is the last line that a command said, without its name.
func lastSaid(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "gantry: ")
}

// showSweep shows how a sweep stands. One that has no plan yet is not shown.
func showSweep(page *show.Page, dir string) error {
	s, err := sweep.Load(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return page.Show(s.HTML(), s.Table()+"\n"+s.Summary())
}
