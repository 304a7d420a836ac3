package process

import (
	"fmt"
	"slices"
	"time"

	"gantry.local/gan/metric"
	"gantry.local/gan/train"
	"gantry.local/kernel-ext/lab/view"
)

// distance measures how far the run's samples are from the data, time and again while it trains. The number is one of those that steps
// report.
type distance struct {
	every int // steps between two, at least
	gauge *metric.Gauge
	last  int     // step of the last
	free  float64 // seconds of training from which there is time for another
}

const (
	gaugeSamples  = 500   // that are drawn, and as many real ones
	distanceShare = 0.025 // of the time of training that measuring may take
)

// prepareDistance makes ready to measure, where that is asked for, so that what has to be compiled for it does not stand in a step's way.
func (r *Keeper) prepareDistance() error {
	if r.o.MeasureEvery <= 0 {
		return nil
	}
	if r.trainer.Game().Sampler.Latent == 0 {
		return fmt.Errorf("run %s has no network to draw samples from: leave out the distance", r.name)
	}
	samples, err := r.trainer.Sample(gaugeSamples, r.o.Seed)
	if err != nil {
		return err
	}
	extractor, _, err := metric.JudgesFor(r.backend, r.data.Name, samples)
	if err != nil {
		return err
	}
	like, err := r.data.Some(gaugeSamples)
	if err != nil {
		return err
	}
	gauge, err := metric.NewGauge(extractor, view.Spread(like, gaugeSamples))
	if err != nil {
		return err
	}
	r.distance = &distance{every: r.o.MeasureEvery, gauge: gauge, last: r.trainer.Step()}
	_, err = gauge.Distance(samples) // compiles
	return err
}

// measure adds the distance to what a step reports, if it is time: at every so many steps, and at that where the training was to end, if it
// is as many after the one before. It takes a small share of the time, so where steps are quick there are more between two.
func (r *Keeper) measure(p *train.Progress, g goal) error {
	d := r.distance
	if d == nil || g.alone != "" || !d.due(p.Step, p.Step == g.step, r.pace.seconds) {
		return nil
	}
	begin := time.Now()
	samples, err := r.trainer.Sample(gaugeSamples, r.o.Seed)
	if err != nil {
		return err
	}
	value, err := d.gauge.Distance(samples)
	if err != nil {
		return fmt.Errorf("the distance at step %d: %w", p.Step, err)
	}
	p.Numbers = append(slices.Clip(p.Numbers), train.Number{Name: metric.KernelName, Value: value})
	d.spend(p.Step, r.pace.seconds, time.Since(begin).Seconds())
	return nil
}

// due tells whether to measure at a step, which may be the last for now, after so many seconds of training.
func (d *distance) due(step int, last bool, seconds float64) bool {
	return step-d.last >= d.every && (last || step%d.every == 0 && seconds >= d.free)
}

// spend notes that measuring at a step took so many seconds.
func (d *distance) spend(step int, seconds, cost float64) {
	d.last, d.free = step, seconds+cost/distanceShare
}
