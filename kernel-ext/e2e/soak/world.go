//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"os"
	"syscall"
)

// world is all that the actors share.
type world struct {
	ledger    *ledger
	place     *place
	twins     *twins
	notebooks []*notebook
	watched   []*watched
	taken     []string // what the second user has made where kernels have their folders
}

// actors are those who act, in an order that the seed relies on.
func (w *world) actors() (all []actor, err error) {
	keep := func(name, backend string, steps int, faults []fault) *keeper {
		k := &keeper{world: w, name: name, backend: backend, steps: steps, faults: faults, remove: os.RemoveAll}
		all = append(all, actor{name, k.act})
		return k
	}
	keep("anna", "go", 6000, ordinary())
	keep("boris", "go", 3000, ordinary())
	keep("clara", "xla:cpu", 6000, compiled())
	if d, err := newDisks(w.place); err != nil {
		w.ledger.cannot("a full disk, which needs the right to mount one: %v", err)
	} else {
		k := keep("disk", "go", 4000, full())
		k.make, k.remove = d.mount, d.unmount
	}
	for _, n := range []*notebook{
		{name: "restless", transport: "tcp", faults: restless()},
		{name: "steady", transport: "ipc", faults: steady()},
		{name: "orderly", transport: "tcp", faults: orderly()},
	} {
		n.world = w
		w.notebooks = append(w.notebooks, n)
		all = append(all, actor{n.name, n.act})
	}
	lasting := w.notebooks[1]
	kernel := &watched{name: "the steady kernel", pid: func() int { return int(lasting.pid.Load()) }}
	w.watched = append(w.watched, kernel)
	all = append(all, actor{"watch of the kernel", func(ctx context.Context, _ *rand.Rand) { kernel.watch(ctx) }})

	patient := &lastingRun{world: w}
	run := &watched{name: "the steady run", pid: func() int { return int(patient.pid.Load()) }}
	w.watched = append(w.watched, run)
	all = append(all, actor{"patient", patient.act},
		actor{"watch of the run", func(ctx context.Context, _ *rand.Rand) { run.watch(ctx) }})
	if os.Getuid() == 0 {
		all = append(all, actor{"stranger", w.strangers})
	} else {
		w.ledger.cannot("a second user of the machine, which only root can become")
	}
	return all, nil
}

// end ends what lives to the end.
func (w *world) end() {
	for _, watched := range w.watched {
		watched.flat(w.ledger)
	}
	for _, n := range w.notebooks {
		if err := n.end(syscall.SIGTERM); err != nil {
			w.ledger.broke("kernel %s: %v", n.name, err)
		}
	}
}
