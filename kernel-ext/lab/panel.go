package lab

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"gantry.local/kernel-ext/channel"
	"gantry.local/kernel-ext/lab/process"
)

// Panel shows a panel below the cell, by which a person steers the run, and returns at once: play, pause, a single step,
// steps of one network alone, a slider for each setting, the choice of the loss where there is one and of what the curves are of,
// and, redrawn while the run trains, where it stands, the light of the last look for collapse, the curves and the samples.
//
// The panel lives in the run's process: it goes on working when the cell has ended, while another cell runs, when the page
// is loaded anew and when the kernel is restarted. Any number of notebooks may have a panel of the same run, and what is
// done in one is seen in all. Each notebook has one panel of a run: a new one takes the place of the one before.
func Panel(r *Run) error { return r.host(process.HostPanel) }

// Explore shows an explorer of the run's latent space below the cell and returns at once: a slider from the latent of one
// seed, A, to that of another, B, along a straight line or a great circle; sliders that move along the first six components
// of z (all of them where there are fewer); a truncation, which shrinks z towards 0; for a conditional generator the class;
// and buttons for other seeds. The image follows the sliders, and the run where it trains; beside it is the way from A to B.
//
// It lives in the run's process, as Panel does.
func Explore(r *Run) error { return r.host(process.HostExplorer) }

// host asks the run's process for a panel or an explorer below the cell that is running.
func (r *Run) host(what string) error {
	if r.observer {
		return nil
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	conn, err := channel.Dial(ctx, "")
	if err != nil {
		return fmt.Errorf("the %s of run %s: %w", what, r.name, err)
	}
	a := process.HostArgs{What: what, Path: conn.Path(), Parent: conn.Parent()}
	conn.Close()
	if err := r.call(ctx, "host", a, nil); err != nil {
		return fmt.Errorf("the %s of run %s: %w", what, r.name, err)
	}
	return nil
}
